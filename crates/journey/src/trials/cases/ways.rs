//! Tests only: the ways in from outside of the cluster, and what proves that one is not ready and what does not.

use facts::cluster::Scope;
use facts::others::Certificate;

use super::*;

fn judged(world: &World) -> api::Journey {
    one(world, &sha(APP, 4), APP, PROD)
}

fn told(world: &World) -> String {
    read_aloud(world, &judged(world).headline)
}

fn covered(world: &mut World, kind: Kind, scope: Scope, coverage: Coverage) {
    world.edit(PROD, |facts| {
        facts.coverage.insert((kind, scope), coverage);
        match kind {
            Kind::Ingress => facts.ingresses.clear(),
            _ => facts.certificates.clear(),
        }
    });
}

fn denied() -> Coverage {
    let message = "no".to_owned();
    Coverage::Denied { message }
}

fn without_address() -> World {
    let mut world = delivered();
    world.ingress(APP, |one| one.addresses.clear());
    world
}

fn caused(world: &World) -> Option<String> {
    judged(world).cause.map(|cause| cause.code)
}

#[test]
fn an_ingress_with_an_address_and_a_certificate_stops_nothing() {
    let journey = judged(&delivered());
    assert_eq!(journey.state, State::Deployed);
    let serving = &journey.stages[8];
    let shown: Vec<String> = serving
        .evidence
        .iter()
        .map(|one| format!("{} {}: {}", one.object, one.field, one.value))
        .collect();
    let expected = [
        "Service shop/checkout endpoints: 2 ready, 0 not ready",
        "Ingress shop/checkout status.loadBalancer.ingress: 203.0.113.7",
        "Certificate shop/checkout-tls status.conditions[Ready].message: Certificate is up to date and has not expired",
        "Certificate shop/checkout-tls status.conditions[Ready].reason: Ready",
    ];
    assert_eq!(shown, expected);
    assert!(journey.notes.is_empty(), "{:?}", journey.notes);
}

#[test]
fn the_words_do_not_say_more_than_that_this_way_in_is_not_ready() {
    let world = without_address();
    assert_eq!(
        told(&world),
        "checkout dbf7e23 is in production, but an Ingress to it is not ready: Ingress shop/checkout was created 1890 min \
         ago and has no address; Ingress shop/search of the same class, nginx, has one."
    );
    let mut world = delivered();
    let says = "Issuing certificate as Secret does not exist";
    world.not_ready(APP, "DoesNotExist", says, 60);
    assert_eq!(
        told(&world),
        "checkout dbf7e23 is in production, but the certificate of an Ingress to it is not ready: Certificate \
         shop/checkout-tls, whose Secret Ingress shop/checkout serves for checkout.shop.example, is not ready \
         (DoesNotExist): Issuing certificate as Secret does not exist."
    );
    world.issuing(APP, Status::True, "DoesNotExist", 3);
    let headline = told(&world);
    assert!(
        headline.contains(
            "is in production, and the certificate of an Ingress to it is not ready yet: "
        ),
        "{headline}"
    );
    world.certificate(APP, |one| drop(one.conditions.pop()));
    world.issuing(APP, Status::False, "Failed", 3);
    let headline = told(&world);
    // What went wrong says more than that nothing is there.
    assert!(
        headline.ends_with("is not ready (Failed): The certificate request has failed to complete and will be retried: no such zone."),
        "{headline}"
    );
}

#[test]
fn where_no_ingress_of_the_class_has_an_address_an_empty_status_stops_nothing() {
    let mut world = without_address();
    world.ingress("search", |one| one.addresses.clear());
    let journey = judged(&world);
    assert_eq!(journey.state, State::Deployed);
    let notes: Vec<String> = journey
        .notes
        .iter()
        .map(|one| read_aloud(&world, one))
        .collect();
    let note = "Ingress shop/checkout has no address, and no other Ingress of class nginx in prod has one: its controller \
                may publish none, so that nothing is known of this way in.";
    assert_eq!(notes, [note]);
    // Another class' controller proves nothing of this one's.
    world.ingress("search", |one| {
        one.class = Some("internal".to_owned());
        one.addresses.push("203.0.113.8".to_owned());
    });
    assert_eq!(judged(&world).state, State::Deployed);
    world.ingress("search", |one| one.class = Some("nginx".to_owned()));
    assert_eq!(judged(&world).state, State::Blocked);
}

#[test]
fn an_ingress_without_address_is_judged_only_where_all_of_its_class_can_be_seen() {
    // Only the app's own namespace may be read, and the Ingress that has an address lies in another.
    let mut world = without_address();
    world.edit(PROD, |facts| {
        let mut other = std::sync::Arc::unwrap_or_clone(
            facts.ingresses.remove(&key("shop", "search")).unwrap(),
        );
        other.meta.namespace = "bank".to_owned();
        facts.ingresses.insert(other.meta.key(), other);
    });
    assert_eq!(judged(&world).state, State::Blocked);
    world.edit(PROD, |facts| {
        facts.ingresses.retain(|key, _| key.namespace == "shop");
        let scopes = [Scope::All, Scope::Namespace("shop".to_owned())];
        let seen = facts.coverage[&(Kind::Ingress, Scope::All)].clone();
        for (scope, coverage) in scopes.into_iter().zip([denied(), seen]) {
            facts.coverage.insert((Kind::Ingress, scope), coverage);
        }
    });
    let headline = told(&world);
    assert_eq!(judged(&world).state, State::Unknown, "{headline}");
    assert!(
        headline.contains("Ingress objects of cluster prod"),
        "{headline}"
    );
    // One with an address needs no others.
    world.ingress(APP, |one| one.addresses.push("203.0.113.7".to_owned()));
    assert_eq!(judged(&world).state, State::Deployed);
}

#[test]
fn ingresses_that_may_not_be_read_are_not_absent() {
    let all = || Scope::All;
    let mut world = delivered();
    covered(&mut world, Kind::Ingress, all(), denied());
    let headline = told(&world);
    assert_eq!(judged(&world).state, State::Unknown, "{headline}");
    assert!(
        headline.contains("Ingress objects in namespace shop"),
        "{headline}"
    );
    // A kind that the server does not have is absent.
    for kind in [Kind::Ingress, Kind::Certificate] {
        let mut world = delivered();
        let as_of = world.now;
        covered(&mut world, kind, all(), Coverage::NotServed { as_of });
        assert_eq!(judged(&world).state, State::Deployed, "{kind:?}");
    }
}

#[test]
fn certificates_are_read_only_where_an_ingress_names_a_secret() {
    let mut world = delivered();
    covered(&mut world, Kind::Certificate, Scope::All, denied());
    let headline = told(&world);
    assert_eq!(judged(&world).state, State::Unknown, "{headline}");
    assert!(
        headline.contains("Certificate objects in namespace shop"),
        "{headline}"
    );
    world.ingress(APP, |one| one.tls.clear());
    assert_eq!(judged(&world).state, State::Deployed);
}

#[test]
fn a_certificate_that_is_not_there_proves_nothing() {
    let mut world = delivered();
    world.edit(PROD, |facts| facts.certificates.clear());
    assert_eq!(judged(&world).state, State::Deployed);
    // Nor does one of another Secret, or of another namespace.
    let mut world = delivered();
    world.not_ready(APP, "DoesNotExist", "", 60);
    world.certificate(APP, |one| one.secret = "other-tls".to_owned());
    assert_eq!(judged(&world).state, State::Deployed);
}

#[test]
fn a_certificate_that_is_renewed_is_ready_all_the_while() {
    let mut world = delivered();
    world.issuing(APP, Status::True, "Renewing", 60);
    assert_eq!(judged(&world).state, State::Deployed);
    // Of two for one Secret one has written it.
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let ready = facts
            .certificates
            .get(&key("shop", "checkout-tls"))
            .unwrap();
        let mut other: Certificate = ready.clone();
        other.meta.name = "another".to_owned();
        other.conditions[0].status = Status::False;
        facts.certificates.insert(other.meta.key(), other);
    });
    assert_eq!(judged(&world).state, State::Deployed);
}

#[test]
fn what_cert_manager_has_not_looked_at_yet_is_on_its_way_and_unknown_when_that_takes_long() {
    for is_unknown in [false, true] {
        let mut world = delivered();
        let now = world.now;
        world.certificate(APP, |one| {
            one.meta.created = Some(now);
            one.ends = None;
            one.conditions[0].status = Status::Unknown;
            one.conditions[0].since = Some(now);
            if !is_unknown {
                one.conditions.clear();
            }
        });
        let journey = judged(&world);
        assert_eq!(journey.state, State::Moving, "{}", told(&world));
        world.now += jiff::SignedDuration::from_mins(5);
        let headline = told(&world);
        assert_eq!(judged(&world).state, State::Unknown, "{headline}");
        assert!(
            headline.contains(
                "cert-manager does not say whether Certificate shop/checkout-tls is ready"
            ),
            "{headline}"
        );
    }
}

#[test]
fn what_takes_longer_than_it_ever_should_is_not_on_its_way() {
    let mut world = without_address();
    let created = world.ago(5);
    world.ingress(APP, |one| one.meta.created = Some(created));
    assert_eq!(judged(&world).state, State::Blocked);
    let mut world = delivered();
    world.not_ready(APP, "DoesNotExist", "", 5);
    world.issuing(APP, Status::True, "DoesNotExist", 5);
    assert_eq!(judged(&world).state, State::Blocked);
}

#[test]
fn what_is_certainly_wrong_outweighs_what_is_not_known_and_that_what_is_on_its_way() {
    let mut world = delivered();
    let now = world.now;
    world.ingress(APP, |one| {
        one.addresses.clear();
        one.meta.created = Some(now);
    });
    let mut worse = world.clone();
    worse.not_ready(APP, "DoesNotExist", "", 60);
    assert_eq!(
        caused(&worse).as_deref(),
        Some("serving-certificate-not-ready")
    );
    covered(&mut world, Kind::Certificate, Scope::All, denied());
    assert_eq!(judged(&world).state, State::Unknown);
}

#[test]
fn only_ingresses_that_lead_to_the_apps_service_matter() {
    let mut world = without_address();
    world.ingress(APP, |one| one.services = ["cart".to_owned()].into());
    assert_eq!(judged(&world).state, State::Deployed);
    let mut world = without_address();
    let now = world.now;
    world.ingress(APP, |one| one.meta.deleting = Some(now));
    assert_eq!(judged(&world).state, State::Deployed);
}
