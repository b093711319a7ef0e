//! What an action is done to, as a person names it: an app in one of its places, or one object.
//!
//! Owns that a name stands for one object or for none: several are listed, and none is chosen for anybody.

use std::time::Duration;

use api::app::AppTarget;
use api::connection::SystemKind;
use api::error::Code;
use api::{Ask, Error, ObjectRef};
use console::Console;
use console::library::TargetKind;

use crate::arguments::Place;
use crate::print::foreign;

/// The one object that is meant.
///
/// # Errors
/// It is none, or one of several.
pub async fn find(
    console: &Console,
    text: &str,
    place: &Place,
    patience: Duration,
) -> Result<ObjectRef, Error> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [app] => of_app(console, app, place, patience).await,
        [kind, namespace, name] if !namespace.is_empty() && !name.is_empty() => {
            let kind = kind_of(kind)?;
            let system = system(console, text, place, systems_of(kind)).await?;
            Ok(ObjectRef::new(system, kind, *namespace, *name))
        }
        _ => Err(Error::new(
            Code::Usage,
            format!(
                "'{}' is neither an app's name nor an object",
                foreign(text, 200)
            ),
        )
        .hint(
            "An object is named as Kind/namespace/name: Deployment/shop/checkout, ECS-service/shop/api.",
        )),
    }
}

/// A kind as objects spell it; people leave out capitals, and write a dash for a space.
fn kind_of(text: &str) -> Result<&'static str, Error> {
    let names = || TargetKind::ALL.iter().map(|kind| kind.name());
    names()
        .find(|name| name.eq_ignore_ascii_case(&text.replace('-', " ")))
        .ok_or_else(|| {
            Error::new(
                Code::UnknownName,
                format!("there is no action for a '{}'", foreign(text, 100)),
            )
            .hint(format!(
                "There are actions for: {}.",
                names().collect::<Vec<_>>().join(", ")
            ))
        })
}

/// Where objects of a kind are: in clusters, or in accounts of AWS.
fn systems_of(kind: &str) -> SystemKind {
    match kind {
        "ECS service" | "ECS task" => SystemKind::Ecs,
        _ => SystemKind::Cluster,
    }
}

/// The cluster that an object is in.
pub async fn cluster(console: &Console, text: &str, place: &Place) -> Result<String, Error> {
    system(console, text, place, SystemKind::Cluster).await
}

/// The system that an object is in.
async fn system(
    console: &Console,
    text: &str,
    place: &Place,
    kind: SystemKind,
) -> Result<String, Error> {
    if place.env.is_some() {
        return Err(Error::new(
            Code::Usage,
            format!("--env chooses among an app's places, and {text} is one object"),
        )
        .hint("--cluster says which cluster it is in."));
    }
    let connections = console.watch_connections().next().await;
    let connections = connections.map(|update| update.value).unwrap_or_default();
    let clusters = connections.into_iter().filter(|one| one.kind == kind);
    let names: Vec<String> = clusters.map(|one| one.name).collect();
    one_cluster(names, text, place.cluster.as_deref())
}

fn one_cluster(names: Vec<String>, text: &str, wanted: Option<&str>) -> Result<String, Error> {
    let listed = format!("There are: {}.", foreign(&names.join(", "), 1000));
    match (wanted, names.as_slice()) {
        (Some(wanted), names) if names.iter().any(|name| name == wanted) => Ok(wanted.to_owned()),
        (_, []) => Err(Error::new(Code::UnknownName, "no cluster is open here")),
        (Some(wanted), _) => Err(Error::new(
            Code::UnknownName,
            format!("no cluster '{}' is open here", foreign(wanted, 100)),
        )
        .hint(listed)),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Error::new(
            Code::AmbiguousAsk,
            format!("{} may be in any of several clusters", foreign(text, 200)),
        )
        .hint(format!("Say in which one with --cluster. {listed}"))),
    }
}

/// What an app runs as in the one of its places that is meant.
async fn of_app(
    console: &Console,
    app: &str,
    place: &Place,
    patience: Duration,
) -> Result<ObjectRef, Error> {
    let found = console.watch_app(app.to_owned()).settled(patience).await;
    let targets = found.map(|found| found.targets).unwrap_or_default();
    if targets.is_empty() {
        // Whoever knows all apps says which ones there are.
        let ask = Ask {
            text: app.to_owned(),
            app: Some(app.to_owned()),
            environment: None,
            repository: None,
        };
        console.answer(ask, patience).await?;
        return Err(Error::new(
            Code::UnknownName,
            format!("no place is known where {} runs", foreign(app, 100)),
        )
        .hint("`landfall doctor` says which systems do not answer."));
    }
    one_place(&targets, app, place)
}

fn one_place(targets: &[AppTarget], app: &str, place: &Place) -> Result<ObjectRef, Error> {
    let is_meant = |target: &&AppTarget| {
        let env = place.env.as_ref();
        let cluster = place.cluster.as_ref();
        env.is_none_or(|env| target.environment.eq_ignore_ascii_case(env))
            && cluster.is_none_or(|cluster| target.cluster == *cluster)
    };
    let app = foreign(app, 100);
    match targets.iter().filter(is_meant).collect::<Vec<_>>().as_slice() {
        [one] => Ok(one.workload.clone()),
        [] => Err(Error::new(
            Code::UnknownName,
            format!("{app} does not run where you said"),
        )
        .hint(format!("It runs in:\n{}", listed(targets.iter())))),
        several => Err(Error::new(
            Code::AmbiguousAsk,
            format!(
                "{app} runs in several places, and one is meant:\n{}",
                listed(several.iter().copied())
            ),
        )
        .hint(
            "Say which one with --env or --cluster, or name the object: Kind/namespace/name with --cluster.",
        )),
    }
}

fn listed<'a>(targets: impl Iterator<Item = &'a AppTarget>) -> String {
    let lines = targets.map(|target| {
        format!(
            "  {} in {}: {}",
            foreign(&target.environment, 60),
            foreign(&target.cluster, 100),
            foreign(&target.workload.to_string(), 200)
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::app::Lacks;

    fn target(environment: &str, cluster: &str, name: &str) -> AppTarget {
        AppTarget {
            environment: environment.to_owned(),
            cluster: cluster.to_owned(),
            workload: ObjectRef::new(cluster, "Deployment", "shop", name),
            declared: String::new(),
            lacks: Ok(Lacks {
                newest: 0,
                more: false,
            }),
        }
    }

    fn place(env: Option<&str>, cluster: Option<&str>) -> Place {
        Place {
            env: env.map(str::to_owned),
            cluster: cluster.map(str::to_owned),
        }
    }

    #[test]
    fn one_place_of_several_was_chosen_for_a_person() {
        let targets = [
            target("staging", "test", "cart"),
            target("production", "eu", "cart"),
            target("production", "us", "cart"),
        ];
        let of = |env, cluster| one_place(&targets, "cart", &place(env, cluster));
        for (env, cluster) in [(None, None), (Some("production"), None)] {
            let why = of(env, cluster).expect_err("several");
            assert_eq!(why.code, Code::AmbiguousAsk);
            assert!(
                why.message
                    .contains("production in us: Deployment shop/cart"),
                "{why}"
            );
        }
        assert_eq!(of(Some("Staging"), None).expect("one").system, "test");
        assert_eq!(of(None, Some("us")).expect("one").system, "us");
        let why = of(Some("dev"), None).expect_err("none");
        assert_eq!(why.code, Code::UnknownName);
        assert!(why.hint.contains("staging in test"), "{why}");
    }

    #[test]
    fn an_objects_cluster_is_said_where_there_are_several() {
        let two = || vec!["eu".to_owned(), "us".to_owned()];
        let code = |names, wanted| one_cluster(names, "Pod/a/b", wanted).map_err(|why| why.code);
        assert_eq!(code(two(), None), Err(Code::AmbiguousAsk));
        assert_eq!(code(two(), Some("us")), Ok("us".to_owned()));
        assert_eq!(code(two(), Some("asia")), Err(Code::UnknownName));
        assert_eq!(code(vec!["eu".to_owned()], None), Ok("eu".to_owned()));
        assert_eq!(code(Vec::new(), Some("eu")), Err(Code::UnknownName));
        assert_eq!(kind_of("deployment").ok(), Some("Deployment"));
        assert_eq!(kind_of("ecs-service").ok(), Some("ECS service"));
        for (kind, system) in [
            ("ECS service", SystemKind::Ecs),
            ("ECS task", SystemKind::Ecs),
            ("Deployment", SystemKind::Cluster),
        ] {
            assert_eq!(systems_of(kind), system);
        }
        assert_eq!(
            kind_of("secret").map_err(|why| why.code),
            Err(Code::UnknownName)
        );
    }
}
