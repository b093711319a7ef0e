//! The company goes on by itself.

use std::time::Duration;

use sandbox::git::Edit;
use sandbox::start::{Options, Sandbox, System};

use jiff::{SignedDuration, Timestamp};
use sandbox::company::apps::Environment::{Dev, Production};
use sandbox::github::Conclusion;
use serde_json::Value;

use crate::place::{Place, condition};
use crate::{NOON, check_all};

fn options(roles: &[&str]) -> Options {
    Options {
        only: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
        at: Some(NOON.parse().unwrap()),
        ..Options::default()
    }
}

/// Lets the company's time pass in small steps until something is true.
async fn until(sandbox: &Sandbox, what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..400 {
        if is_true() {
            return;
        }
        sandbox.advance(SignedDuration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_becomes_a_run_an_image_a_bump_and_a_rollout_in_dev() {
    let sandbox = Sandbox::start(options(&["catalog"])).await.unwrap();
    let company = sandbox.company();
    let app = company.app("catalog").unwrap();
    let repository = company.code.repository(&app.repository).unwrap();
    let edit = Edit::Write {
        path: "internal/live.go".to_owned(),
        content: "package internal\n".to_owned(),
    };
    let now = company.clock.now();
    let sha = repository
        .commit("main", "Mina <mina@example.invalid>", now, "Live", &[edit])
        .unwrap();
    let run = || {
        company
            .github
            .runs(&app.repository)
            .into_iter()
            .find(|run| run.head_sha == sha)
    };
    until(&sandbox, "a run that succeeded", || {
        run().is_some_and(|run| run.conclusion == Some(Conclusion::Success))
    })
    .await;
    let tag = company
        .registry
        .tags(&app.image_path)
        .into_iter()
        .find(|tag| tag.contains(&sha[..7]))
        .expect("an image of the pushed commit");
    let dev = Place::new(company, "catalog", Dev);
    until(&sandbox, "the bump in Git", || {
        dev.declaration().contains(&tag)
    })
    .await;
    until(&sandbox, "the rollout", || {
        let pods = dev.all_pods();
        !pods.is_empty()
            && pods.iter().all(|pod| {
                pod["spec"]["containers"][0]["image"]
                    .as_str()
                    .unwrap_or_default()
                    .ends_with(&tag)
                    && condition(pod, "Ready").0 == "True"
            })
    })
    .await;
    assert!(
        !Place::new(company, "catalog", Production)
            .declaration()
            .contains(&tag)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_holds_for_ten_minutes_more() {
    let everything = Options {
        only: None,
        ..options(&[])
    };
    let sandbox = Sandbox::start(everything).await.unwrap();
    let company = sandbox.company();
    let app = company.app("content").unwrap().name.clone();
    let scanned = || {
        let repository = company
            .nonprod
            .get("ImageRepository", "flux-system", &app)
            .unwrap();
        let time = repository["status"]["lastScanResult"]["scanTime"].as_str();
        time.unwrap().parse::<Timestamp>().unwrap()
    };
    // Scans come every ten minutes: one after the tenth says that the controllers have lived through them.
    let end = company.clock.now() + SignedDuration::from_mins(10);
    until(&sandbox, "the next scan", || scanned() >= end).await;
    check_all(company);
}

#[tokio::test]
async fn its_files_name_what_is_there_and_systems_go_off_and_on() {
    let mut sandbox = Sandbox::start(options(&["catalog"])).await.unwrap();
    let kubeconfig: Value = serde_yaml_ng::from_str(&sandbox.kubeconfig()).unwrap();
    assert_eq!(kubeconfig["contexts"][0]["name"], "nonprod");
    assert_eq!(kubeconfig["contexts"][1]["name"], "prod");
    let team: Value = serde_yaml_ng::from_str(&sandbox.team_file()).unwrap();
    assert_eq!(team["version"], 1);
    assert_eq!(
        team["codeHosts"][0]["address"],
        sandbox.url(System::Code).as_str()
    );
    assert_eq!(team["environments"][2]["namespaces"][0], "shop");
    let address = sandbox
        .url(System::Prod)
        .trim_start_matches("http://")
        .to_owned();
    assert!(tokio::net::TcpStream::connect(&address).await.is_ok());
    sandbox.turn_off(System::Prod).await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    sandbox.turn_on(System::Prod).await.unwrap();
    assert!(tokio::net::TcpStream::connect(&address).await.is_ok());
    assert_eq!(sandbox.url(System::Prod), format!("http://{address}"));
}
