//! How long a token is used, by whose clock, and what ends it.

use cloud::{Credentials, Eks, EksTokens, Source, Why};
use futures::future::join_all;
use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::{given, part, told, url_in};
use crate::person::{Person, READ, broker, options};
use crate::sts::{Answer, Hands, Sts};

const HOUR: i64 = 3600;

/// Lets what runs in the background run.
async fn settle() {
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

fn fixed() -> Credentials {
    Credentials::new("AKIA1", "secret", None, None, "tests")
}

async fn date(tokens: &EksTokens) -> String {
    part(&tokens.token().await.unwrap(), "X-Amz-Date")
}

#[tokio::test]
async fn a_token_is_used_for_eleven_minutes_and_the_next_is_made_behind_its_back() {
    let hands = Hands::new();
    let options = told(&hands, SignedDuration::ZERO).await;
    let tokens = given("eu-west-1", fixed()).tokens("shop", &options).await;
    assert_eq!(date(&tokens).await, "20270115T080000Z");
    hands.pass(671);
    assert_eq!(date(&tokens.clone()).await, "20270115T080000Z");
    settle().await;
    assert_eq!(date(&tokens).await, "20270115T080000Z");
    hands.pass(1);
    assert_eq!(date(&tokens).await, "20270115T080000Z");
    settle().await;
    assert_eq!(date(&tokens).await, "20270115T081112Z");
}

#[tokio::test]
async fn a_token_of_fourteen_minutes_is_not_used_any_more() {
    let hands = Hands::new();
    let options = told(&hands, SignedDuration::ZERO).await;
    let tokens = given("eu-west-1", fixed()).tokens("shop", &options).await;
    date(&tokens).await;
    hands.pass(14 * 60 - 5);
    assert_eq!(date(&tokens).await, "20270115T081355Z");
}

#[tokio::test]
async fn a_token_is_dated_by_the_clock_of_aws() {
    for (ahead, date) in [
        (-10, "20270115T075000Z"),
        (0, "20270115T080000Z"),
        (10, "20270115T081000Z"),
    ] {
        let hands = Hands::new();
        let sts = Sts::new(&hands, SignedDuration::from_mins(ahead), |_| {
            Answer::Refuses(403, "SignatureDoesNotMatch", "Signature expired".to_owned())
        });
        let eks = Eks {
            endpoint: Some(sts.serve().await),
            ..given("eu-west-1", fixed())
        };
        let tokens = eks.tokens("shop", &options(&hands)).await;
        let token = tokens.token().await.unwrap();
        assert_eq!(part(&token, "X-Amz-Date"), date, "{ahead}");
        assert!(
            url_in(&token).starts_with("https://sts.eu-west-1.amazonaws.com/?"),
            "the cluster asks AWS itself"
        );
        // Ten minutes by our clock, whatever theirs says.
        let asked = sts.asked().len();
        assert!(asked > 0, "nobody had said what time it is");
        hands.pass(599);
        assert_eq!(part(&tokens.token().await.unwrap(), "X-Amz-Date"), date);
        settle().await;
        assert_eq!(sts.asked().len(), 0);
    }
}

#[tokio::test]
async fn whoever_knows_what_time_it_is_at_aws_tells_all_and_nobody_asks() {
    let hands = Hands::new();
    let options = told(&hands, SignedDuration::from_mins(-10)).await;
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| Answer::Nothing);
    let eks = Eks {
        endpoint: Some(sts.serve().await),
        ..given("eu-west-1", fixed())
    };
    let tokens = eks.tokens("shop", &options).await;
    assert_eq!(date(&tokens).await, "20270115T075000Z");
    assert!(sts.asked().is_empty());
}

#[tokio::test]
async fn where_aws_does_not_say_what_time_it_is_our_clock_has_to_do() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| Answer::Nothing);
    let mut options = options(&hands);
    options.answer_within = std::time::Duration::from_millis(200);
    let eks = Eks {
        endpoint: Some(sts.serve().await),
        ..given("eu-west-1", fixed())
    };
    let tokens = eks.tokens("shop", &options).await;
    assert_eq!(date(&tokens).await, "20270115T080000Z");
}

/// A cluster whose tokens are made of a role's credentials.
async fn of_role(sts: &Sts, person: &Person, hands: &Hands) -> (cloud::Broker, EksTokens) {
    let options = options(hands);
    let broker = broker(READ, &sts.serve().await, person, &options);
    let eks = Eks {
        region: "eu-west-1".to_owned(),
        endpoint: None,
        credentials: Source::Role(broker.clone()),
    };
    (broker, eks.tokens("shop", &options).await)
}

#[tokio::test]
async fn twenty_who_ask_at_once_are_one_token_and_one_request() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("ASIA1", HOUR)
    });
    let (_, tokens) = of_role(&sts, &Person::ada(), &hands).await;
    let all = join_all((0..20).map(|_| tokens.token())).await;
    let first = all[0].as_ref().unwrap();
    assert!(
        all.iter()
            .all(|one| one.as_ref().unwrap().expose_secret() == first.expose_secret())
    );
    assert_eq!(sts.asked().len(), 1);
    assert!(part(first, "X-Amz-Credential").starts_with("ASIA1/"));
    assert_eq!(part(first, "X-Amz-Security-Token"), "the-session-token");
}

#[tokio::test]
async fn a_token_ends_with_its_credentials() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::from_mins(10), |_| {
        Answer::Gives("ASIA1", 120)
    });
    let (_, tokens) = of_role(&sts, &Person::ada(), &hands).await;
    tokens.token().await.unwrap();
    sts.answer(|_| Answer::Gives("ASIA2", 120));
    hands.pass(114);
    let token = tokens.token().await.unwrap();
    assert!(part(&token, "X-Amz-Credential").starts_with("ASIA1/"));
    hands.pass(1);
    let token = tokens.token().await.unwrap();
    assert!(part(&token, "X-Amz-Credential").starts_with("ASIA2/"));
}

#[tokio::test]
async fn signing_out_ends_a_token_here() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("ASIA1", HOUR)
    });
    let person = Person::ada();
    let (broker, tokens) = of_role(&sts, &person, &hands).await;
    tokens.token().await.unwrap();
    person.has_none(false);
    broker.forget();
    let none = tokens.token().await.unwrap_err();
    assert_eq!(none.why, Why::SignedOut);
    assert_eq!(
        (none.reason.as_str(), none.hint.as_str()),
        ("nobody is signed in", "Sign in.")
    );
    assert!(!none.may_pass);
    person.has("grace-token");
    sts.answer(|_| Answer::Gives("ASIA2", HOUR));
    hands.pass(5);
    let token = tokens.token().await.unwrap();
    assert!(part(&token, "X-Amz-Credential").starts_with("ASIA2/"));
}

#[tokio::test]
async fn whoever_signs_out_while_a_token_is_made_gets_none() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("ASIA1", HOUR)
    });
    let (broker, tokens) = of_role(&sts, &Person::ada(), &hands).await;
    let shut = sts.shut().await;
    let under_way = tokio::spawn(async move { tokens.token().await });
    settle().await;
    broker.forget();
    drop(shut);
    assert!(under_way.await.unwrap().is_err());
}

#[tokio::test]
async fn a_role_that_is_refused_is_said_in_aws_words() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Refuses(403, "AccessDenied", "Not authorized".to_owned())
    });
    let (_, tokens) = of_role(&sts, &Person::ada(), &hands).await;
    for _ in 0..10 {
        let none = tokens.token().await.unwrap_err();
        assert_eq!(none.why, Why::NotAssumed);
        assert_eq!(none.reason, format!("assume {READ}: Not authorized"));
        assert!(none.hint.contains("trust policy"));
        hands.pass(6);
    }
    assert_eq!(sts.asked().len(), 1);
}

#[tokio::test]
async fn a_file_that_has_no_credentials_is_said_and_read_again_soon() {
    let hands = Hands::new();
    let options = told(&hands, SignedDuration::ZERO).await;
    let path = std::env::temp_dir().join(format!("landfall-no-credentials-{}", std::process::id()));
    let eks = Eks {
        region: "eu-west-1".to_owned(),
        endpoint: None,
        credentials: Source::File {
            path: path.clone(),
            profile: Some("shop".to_owned()),
        },
    };
    let tokens = eks.tokens("shop", &options).await;
    let none = tokens.token().await.unwrap_err();
    assert_eq!(none.why, Why::SignedOut);
    assert!(
        none.reason
            .starts_with("credentials for the cluster shop: "),
        "{none}"
    );
    assert!(!none.hint.is_empty());
}

#[tokio::test]
async fn a_token_is_not_printed() {
    let hands = Hands::new();
    let options = told(&hands, SignedDuration::ZERO).await;
    let tokens = given("eu-west-1", fixed()).tokens("shop", &options).await;
    let token = tokens.token().await.unwrap();
    let printed = format!("{tokens:?} {token:?}");
    assert!(!printed.contains("k8s-aws-v1"), "{printed}");
    assert!(!printed.contains("secret\""), "{printed}");
}
