//! moto's STS: the role is taken, and AWS knows the person by name afterwards.

use cloud::{Account, Source, Spec};

use super::peer::Moto;
use super::sts::Hands;
use super::{Person, READ, broker, options};

#[tokio::test]
async fn the_session_is_named_after_the_person_who_signed_in() {
    let moto = Moto::start();
    let person = Person::ada();
    person.is_called("ada.lovelace+o'neil@shop.example");
    let mut options = options(&Hands::new());
    options.clock = cloud::Clock::default();
    let broker = broker(READ, &moto.url, &person, &options);
    let spec = Spec {
        name: "prod".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: Some(moto.url.clone()),
        credentials: Source::Role(broker.clone()),
        clusters: Vec::new(),
    };
    let account = Account::start(spec, options);
    let _facts = account.facts();
    account.settled().await;
    let identity = account.connection().borrow().identity.clone();
    assert_eq!(
        identity.as_deref(),
        Some(
            "arn:aws:sts::111122223333:assumed-role/landfall-read/ada.lovelace+o-neil@shop.example"
        )
    );
    assert_eq!(person.asked(), 1, "one request for all clients and rounds");
}
