//! Several accounts of one person: each stands for itself.

use api::connection::{Connection, ConnectionState};
use cloud::{Account, Broker, Options, Source, Spec};
use facts::Reach;
use jiff::SignedDuration;

use super::sts::{Answer, Asked, Hands, Sts};
use super::{Person, broker, options};

fn arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/landfall-read")
}

/// STS and ECS of three accounts, the second of which refuses the person.
fn answer(asked: &Asked) -> Answer {
    let refused = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    match asked.field("Action") {
        "AssumeRoleWithWebIdentity" if asked.field("RoleArn") == arn("222222222222") => {
            Answer::Refuses(403, "AccessDenied", refused.to_owned())
        }
        "AssumeRoleWithWebIdentity" => Answer::Gives("AKIA1", 3600),
        _ => Answer::Says(200, "{\"clusterArns\": []}".to_owned()),
    }
}

async fn read(account: &str, endpoint: &str, broker: Broker, options: &Options) -> Account {
    let spec = Spec {
        name: account.to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        credentials: Source::Role(broker),
        clusters: Vec::new(),
    };
    let account = Account::start(spec, options.clone());
    let _facts = account.facts();
    account.settled().await;
    account
}

fn stands(account: &Account) -> Connection {
    account.connection().borrow().clone()
}

fn reach(account: &Account) -> Reach {
    account.facts().borrow().reach.clone()
}

#[tokio::test]
async fn an_account_that_was_not_asked_for_want_of_a_token_was_said_not_to_answer() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, answer);
    let endpoint = sts.serve().await;
    let (person, options) = (Person::ada(), options(&hands));
    person.has_none(true);
    let number = "111111111111";
    let account = read(
        number,
        &endpoint,
        broker(&arn(number), &endpoint, &person, &options),
        &options,
    )
    .await;
    let why = "nobody is signed in";
    assert_eq!(
        stands(&account).state,
        ConnectionState::NotAsked {
            why: why.to_owned()
        }
    );
    assert_eq!(
        reach(&account),
        Reach::Unreachable {
            error: format!("it was not asked: {why}")
        }
    );
    assert!(sts.asked().is_empty());
}

#[tokio::test]
async fn one_account_of_three_that_refuses_says_so_and_the_others_are_read() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, answer);
    let endpoint = sts.serve().await;
    let (person, options) = (Person::ada(), options(&hands));
    let mut accounts = Vec::new();
    for number in ["111111111111", "222222222222", "333333333333"] {
        let broker = broker(&arn(number), &endpoint, &person, &options);
        accounts.push(read(number, &endpoint, broker, &options).await);
    }
    for live in [&accounts[0], &accounts[2]] {
        let connection = stands(live);
        assert!(
            matches!(connection.state, ConnectionState::Live { .. }),
            "{connection:?}"
        );
    }
    let denied = stands(&accounts[1]);
    let words = format!(
        "{}: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        arn("222222222222")
    );
    assert_eq!(
        denied.state,
        ConnectionState::Denied {
            verb: "assume".to_owned(),
            resource: words.clone(),
        }
    );
    assert_eq!(denied.refusals, [format!("assume {words}")]);
    assert_eq!(
        reach(&accounts[1]),
        Reach::Unreachable {
            error: format!("it refuses us: assume {words}")
        },
        "it has answered"
    );
    // It was asked for nothing: nothing is claimed of it, and no session of a role opens it.
    assert_eq!(denied.rights_held(), (0, 3));
    assert!(denied.rights.iter().all(|right| !right.held.is_missing()));
    assert_eq!(accounts[1].until(), None);
    assert!(
        accounts[0]
            .until()
            .is_some_and(|end| end > options.clock.now())
    );
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_told_to_sign_in_by_every_account() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, answer);
    let endpoint = sts.serve().await;
    let (person, options) = (Person::ada(), options(&hands));
    person.has_none(false);
    for number in ["111111111111", "333333333333"] {
        let broker = broker(&arn(number), &endpoint, &person, &options);
        let account = read(number, &endpoint, broker, &options).await;
        assert_eq!(
            stands(&account).state,
            ConnectionState::Denied {
                verb: "sign in".to_owned(),
                resource: "nobody is signed in".to_owned(),
            }
        );
    }
    assert!(sts.asked().is_empty());
}

#[tokio::test]
async fn two_regions_of_one_account_share_its_credentials() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, answer);
    let endpoint = sts.serve().await;
    let (person, options) = (Person::ada(), options(&hands));
    let broker = broker(&arn("111111111111"), &endpoint, &person, &options);
    for region in ["eu-west-1", "us-east-1"] {
        let account = read(region, &endpoint, broker.clone(), &options).await;
        assert!(matches!(
            stands(&account).state,
            ConnectionState::Live { .. }
        ));
    }
    let asked = sts.asked();
    let to_sts = asked
        .iter()
        .filter(|asked| asked.field("Action") == "AssumeRoleWithWebIdentity");
    assert_eq!(to_sts.count(), 1);
    let signed = asked.iter().filter(|asked| {
        let header = asked.headers.get("authorization");
        header.is_some_and(|header| header.to_str().unwrap().contains("Credential=AKIA1/"))
    });
    assert!(signed.count() >= 4, "ECS and STS of both");
}

/// Waits until so many rounds have ended.
async fn after_rounds(account: &Account, number: u64) -> ConnectionState {
    let mut rounds = account.rounds();
    rounds
        .wait_for(|(rounds, _)| *rounds >= number)
        .await
        .unwrap();
    stands(account).state
}

#[tokio::test]
async fn credentials_that_aws_says_have_ended_are_asked_for_anew_but_not_in_a_loop() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |asked| {
        let header = asked.headers.get("authorization");
        let signed = header.map_or("", |header| header.to_str().unwrap());
        match asked.field("Action") {
            "AssumeRoleWithWebIdentity" => Answer::Gives("AKIA1", 3600),
            _ if signed.contains("AKIA1") => {
                let ended =
                    "{\"__type\": \"ExpiredTokenException\", \"message\": \"It has ended\"}";
                Answer::Says(400, ended.to_owned())
            }
            _ => answer(asked),
        }
    });
    let endpoint = sts.serve().await;
    let (person, options) = (Person::ada(), options(&hands));
    let broker = broker(&arn("111111111111"), &endpoint, &person, &options);
    let account = read("prod", &endpoint, broker.clone(), &options).await;
    let _facts = account.facts();
    let ended = ConnectionState::Denied {
        verb: "sign in".to_owned(),
        resource: "It has ended".to_owned(),
    };
    assert_eq!(stands(&account).state, ended);
    account.try_now();
    assert_eq!(after_rounds(&account, 2).await, ended);
    let asked = sts.asked();
    let to_sts = asked
        .iter()
        .filter(|asked| !asked.field("RoleArn").is_empty());
    assert_eq!(to_sts.count(), 1, "it came just now");

    // By our clock they live on.
    hands.pass(-600);
    account.try_now();
    assert_eq!(after_rounds(&account, 3).await, ended);
    sts.answer(|asked| match asked.field("Action") {
        "AssumeRoleWithWebIdentity" => Answer::Gives("AKIA2", 3600),
        _ => answer(asked),
    });
    account.try_now();
    let state = after_rounds(&account, 4).await;
    assert!(matches!(state, ConnectionState::Live { .. }), "{state:?}");
    let credentials = broker.credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), "AKIA2");
}
