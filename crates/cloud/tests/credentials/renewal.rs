//! When STS is asked, how often, and what is used meanwhile.

use futures::future::join_all;
use jiff::SignedDuration;

use super::sts::{Answer, Hands, Sts};
use super::{Person, READ, broker, options};

const HOUR: i64 = 3600;

/// Lets what runs in the background run.
async fn settle() {
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn twenty_who_ask_at_once_are_one_request() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", HOUR)
    });
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
    let shut = sts.shut().await;
    let all = (0..20).map(|_| {
        let broker = broker.clone();
        tokio::spawn(async move { broker.credentials().await.unwrap() })
    });
    let all: Vec<_> = all.collect();
    settle().await;
    drop(shut);
    for credentials in join_all(all).await {
        assert_eq!(credentials.unwrap().access_key_id(), "AKIA1");
    }
    assert_eq!(sts.asked().len(), 1);
}

#[tokio::test]
async fn twenty_who_ask_at_once_are_one_refusal() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Says(503, String::new())
    });
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
    let all = join_all((0..20).map(|_| broker.credentials())).await;
    assert!(
        all.iter()
            .all(|one| one.as_ref().is_err_and(|none| none.may_pass))
    );
    assert_eq!(sts.asked().len(), 1);
}

#[tokio::test]
async fn whoever_goes_away_does_not_cut_the_request_short_for_others() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", HOUR)
    });
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
    let shut = sts.shut().await;
    let first = tokio::spawn({
        let broker = broker.clone();
        async move { broker.credentials().await }
    });
    settle().await;
    first.abort();
    drop(shut);
    broker.credentials().await.unwrap();
    assert_eq!(sts.asked().len(), 1);
}

#[tokio::test]
async fn credentials_are_made_anew_five_minutes_before_their_end_and_nobody_waits_for_it() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", HOUR)
    });
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
    broker.credentials().await.unwrap();
    hands.pass(HOUR - 301);
    broker.credentials().await.unwrap();
    settle().await;
    assert_eq!(sts.asked().len(), 1, "it is too early");
    hands.pass(1);
    sts.answer(|_| Answer::Gives("AKIA2", HOUR));
    let shut = sts.shut().await;
    for _ in 0..20 {
        let credentials = broker.credentials().await.unwrap();
        assert_eq!(credentials.access_key_id(), "AKIA1", "nobody waits");
    }
    settle().await;
    assert_eq!(sts.asked().len(), 1);
    drop(shut);
    settle().await;
    let credentials = broker.credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), "AKIA2");
}

#[tokio::test]
async fn credentials_of_a_quarter_of_an_hour_are_made_anew_after_twelve_minutes() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", 900)
    });
    let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
    broker.credentials().await.unwrap();
    hands.pass(719);
    broker.credentials().await.unwrap();
    settle().await;
    assert_eq!(sts.asked().len(), 1);
    hands.pass(1);
    broker.credentials().await.unwrap();
    settle().await;
    assert_eq!(sts.asked().len(), 1);
}

#[tokio::test]
async fn the_end_of_credentials_is_by_the_clock_of_aws() {
    for ahead in [-10, 10] {
        let hands = Hands::new();
        let sts = Sts::new(&hands, SignedDuration::from_mins(ahead), |_| {
            Answer::Gives("AKIA1", 900)
        });
        let broker = broker(READ, &sts.serve().await, &Person::ada(), &options(&hands));
        broker.credentials().await.unwrap();
        hands.pass(700);
        broker.credentials().await.unwrap();
        settle().await;
        assert_eq!(sts.asked().len(), 1, "AWS is {ahead} minutes ahead");
        hands.pass(200);
        sts.answer(|_| Answer::Gives("AKIA2", 900));
        let credentials = broker.credentials().await.unwrap();
        assert_eq!(credentials.access_key_id(), "AKIA2", "{ahead}");
    }
}

#[tokio::test]
async fn while_sts_does_not_answer_what_is_there_is_used_to_its_end() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", HOUR)
    });
    let person = Person::ada();
    let broker = broker(READ, &sts.serve().await, &person, &options(&hands));
    broker.credentials().await.unwrap();
    sts.asked();
    sts.answer(|_| Answer::Says(503, String::new()));
    hands.pass(HOUR - 300);
    let mut at = Vec::new();
    for second in 0..290 {
        let before = person.asked();
        broker.credentials().await.unwrap();
        tokio::task::yield_now().await;
        if person.asked() > before {
            at.push(second);
            settle().await;
            assert_eq!(sts.asked().len(), 1);
        }
        hands.pass(1);
    }
    assert_eq!(at, [0, 1, 3, 7, 15, 31, 63, 127, 247]);
    hands.pass(6);
    let none = broker.credentials().await.unwrap_err();
    assert!(none.may_pass, "{none:?}");
}

#[tokio::test]
async fn what_was_asked_for_before_a_sign_out_belongs_to_nobody() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", HOUR)
    });
    let person = Person::ada();
    let broker = broker(READ, &sts.serve().await, &person, &options(&hands));
    let shut = sts.shut().await;
    let under_way = tokio::spawn({
        let broker = broker.clone();
        async move { broker.credentials().await }
    });
    settle().await;
    broker.forget();
    drop(shut);
    assert!(under_way.await.unwrap().is_err());
    person.has("grace-token");
    person.is_called("grace@shop.example");
    sts.answer(|_| Answer::Gives("AKIA2", HOUR));
    let credentials = broker.credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), "AKIA2");
    let asked = sts.asked();
    assert_eq!(asked[1].field("RoleSessionName"), "grace@shop.example");
}

#[tokio::test]
async fn whoever_signed_out_is_not_served_from_what_is_left() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |_| {
        Answer::Gives("AKIA1", HOUR)
    });
    let person = Person::ada();
    let broker = broker(READ, &sts.serve().await, &person, &options(&hands));
    broker.credentials().await.unwrap();
    person.has_none(false);
    hands.pass(HOUR - 300);
    broker.credentials().await.unwrap();
    settle().await;
    let none = broker.credentials().await.unwrap_err();
    assert_eq!(none.reason, "nobody is signed in");
    assert_eq!(none.why, cloud::Why::SignedOut);
    person.has("ada-token-2");
    broker.credentials().await.unwrap();
}
