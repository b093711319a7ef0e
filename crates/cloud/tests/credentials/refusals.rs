//! What STS may answer instead of credentials, what is told of it, and when it is asked again.

use cloud::Why;
use jiff::SignedDuration;

use super::sts::{Answer, Hands, Sts};
use super::{Person, READ, broker, options};

const HOUR: i64 = 3600;

fn refusing(hands: &Hands, status: u16, code: &'static str, message: &str) -> Sts {
    let message = message.to_owned();
    Sts::new(hands, SignedDuration::ZERO, move |_| {
        Answer::Refuses(status, code, message.clone())
    })
}

#[tokio::test]
async fn a_refusal_says_what_aws_says_and_is_not_asked_for_again() {
    let refusals = [
        (
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
        (
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://id.example",
        ),
        (
            403,
            "IDPRejectedClaim",
            "The identity provider rejected the claim",
        ),
    ];
    for (status, code, message) in refusals {
        let hands = Hands::new();
        let sts = refusing(&hands, status, code, message);
        let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
        for _ in 0..20 {
            let none = broker.credentials().await.unwrap_err();
            assert_eq!(none.reason, format!("assume {READ}: {message}"));
            assert_eq!(none.why, Why::NotAssumed);
            assert!(!none.may_pass);
            assert!(!none.hint.is_empty(), "{code}");
            hands.pass(10);
        }
        assert_eq!(sts.asked().len(), 1, "{code}");
        hands.pass(100);
        broker.credentials().await.unwrap_err();
        assert_eq!(
            sts.asked().len(),
            1,
            "{code}: somebody may have put it right"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_of_one_token_and_not_of_the_next() {
    let hands = Hands::new();
    let sts = refusing(&hands, 403, "AccessDenied", "no");
    let person = Person::ada();
    let broker = broker(READ, &sts.serve().await, &person, &options(&hands));
    broker.credentials().await.unwrap_err();
    sts.asked();
    person.has("ada-token-2");
    sts.answer(|_| Answer::Gives("AKIA1", HOUR));
    broker.credentials().await.unwrap();
    assert_eq!(sts.asked()[0].field("WebIdentityToken"), "ada-token-2");
}

#[tokio::test]
async fn whoever_put_it_right_can_say_so() {
    let hands = Hands::new();
    let sts = refusing(&hands, 403, "AccessDenied", "no");
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
    broker.credentials().await.unwrap_err();
    sts.answer(|_| Answer::Gives("AKIA1", HOUR));
    broker.credentials().await.unwrap_err();
    broker.reconsider();
    broker.credentials().await.unwrap();
}

#[tokio::test]
async fn who_does_not_answer_is_asked_ever_more_seldom_and_answers_in_the_end() {
    let answers = [
        Answer::Refuses(
            400,
            "IDPCommunicationError",
            "could not reach it".to_owned(),
        ),
        Answer::Refuses(400, "Throttling", "Rate exceeded".to_owned()),
        Answer::Says(500, String::new()),
        Answer::Says(503, "<html>".to_owned()),
    ];
    for answer in answers {
        let hands = Hands::new();
        let given = answer.clone();
        let sts = Sts::new(&hands, SignedDuration::ZERO, move |_| given.clone());
        let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
        let mut at = Vec::new();
        for second in 0..400 {
            let none = broker.credentials().await.unwrap_err();
            assert!(none.may_pass, "{none:?}");
            if !sts.asked().is_empty() {
                at.push(second);
            }
            hands.pass(1);
        }
        assert_eq!(at, [0, 1, 3, 7, 15, 31, 63, 127, 247, 367], "{answer:?}");
        sts.answer(|_| Answer::Gives("AKIA1", HOUR));
        hands.pass(120);
        broker.credentials().await.unwrap();
    }
}

#[tokio::test]
async fn a_request_that_hangs_ends_before_the_one_that_waits_for_it() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| Answer::Nothing);
    let mut options = options(&hands);
    options.answer_within = std::time::Duration::from_millis(500);
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options);
    let asked = tokio::time::timeout(options.answer_within, broker.credentials()).await;
    let none = asked.expect("it ends in time").unwrap_err();
    assert!(none.may_pass);
    assert_eq!(none.why, Why::Unreachable);
    assert!(none.reason.starts_with("assume arn:"), "{none}");
}

#[tokio::test]
async fn a_token_that_ended_on_its_way_is_asked_for_anew_once() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |asked| {
        match asked.field("WebIdentityToken") {
            "ada-token-1" => {
                Answer::Refuses(400, "ExpiredTokenException", "Token expired".to_owned())
            }
            _ => Answer::Gives("AKIA1", HOUR),
        }
    });
    let person = Person::ada();
    person.has_next("ada-token-2");
    let broker = broker(READ, &sts.serve().await, &person, &options(&hands));
    broker.credentials().await.unwrap();
    assert_eq!(sts.asked().len(), 2);
    assert_eq!(person.asked(), 2);
}

#[tokio::test]
async fn a_token_that_ended_is_not_sent_twice() {
    let hands = Hands::new();
    let sts = refusing(&hands, 400, "ExpiredTokenException", "Token expired");
    let person = Person::ada();
    let broker = broker(READ, &sts.serve().await, &person, &options(&hands));
    for _ in 0..5 {
        let none = broker.credentials().await.unwrap_err();
        assert_eq!(none.why, Why::SignedOut);
        assert_eq!(none.reason, format!("assume {READ}: Token expired"));
        hands.pass(10);
    }
    assert_eq!(sts.asked().len(), 1);
}

#[tokio::test]
async fn tokens_that_all_ended_are_two_requests_and_no_loop() {
    let hands = Hands::new();
    let sts = refusing(&hands, 400, "ExpiredTokenException", "Token expired");
    let person = Person::ada();
    person.has_next("ada-token-2");
    let broker = broker(READ, &sts.serve().await, &person, &options(&hands));
    for _ in 0..20 {
        broker.credentials().await.unwrap_err();
    }
    assert_eq!(sts.asked().len(), 2);
}

#[tokio::test]
async fn whoever_is_not_signed_in_asks_aws_nothing() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", HOUR)
    });
    let person = Person::ada();
    let broker = broker(READ, &sts.serve().await, &person, &options(&hands));
    person.has_none(false);
    for _ in 0..5 {
        let none = broker.credentials().await.unwrap_err();
        assert_eq!((none.why, none.hint.as_str()), (Why::SignedOut, "Sign in."));
    }
    assert!(sts.asked().is_empty());
    person.has("ada-token-1");
    broker.credentials().await.unwrap();
}

#[tokio::test]
async fn credentials_that_have_ended_already_are_none() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| Answer::Gives("AKIA1", 0));
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
    for _ in 0..5 {
        let none = broker.credentials().await.unwrap_err();
        assert!(none.may_pass, "{none:?}");
    }
    assert_eq!(sts.asked().len(), 1);
}
