//! What a bundle says, what it never says, and where it is written.

use api::connection::{ConnectionState, Held, Right, SystemKind};
use facts::cluster::Scope;
use facts::{Coverage, Kind};

use super::*;
use crate::errors::Errors;

const TEAM: &str = "version: 1\nname: Tidewater\n\
    signIn: {issuer: 'https://id.example', clientId: 0oa1, authorities: ['-----BEGIN CERTIFICATE-----\\nPLANTED-2\\n-----END CERTIFICATE-----']}\n\
    roles: [{name: sre, groups: [platform]}]\n\
    owners: [{of: prod, ask: '#platform-help'}]\n\
    clusters: [{name: prod, server: 'https://prod.example:6443', authority: \"-----BEGIN CERTIFICATE-----\\nPLANTED-4\\n-----END CERTIFICATE-----\\n\"}]\n\
    codeHosts: [{host: code.example, address: 'https://code.example'}]\n\
    aws: [{name: aws, region: eu-west-1, credentials: /home/PLANTED-6/keys}]\n\
    environments: [{name: production, cluster: prod, namespaces: [shop]}]\n";

fn connection(state: ConnectionState, refusals: &[&str]) -> Connection {
    Connection {
        name: "prod".to_owned(),
        kind: SystemKind::Cluster,
        address: "https://prod.example:6443".to_owned(),
        identity: Some("PLANTED-7@shop.example".to_owned()),
        state,
        until: Some(Timestamp::UNIX_EPOCH),
        refusals: refusals.iter().map(|one| (*one).to_owned()).collect(),
        rights: vec![Right {
            name: "pods".to_owned(),
            verbs: vec!["list".to_owned()],
            held: Held::No {
                verbs: vec!["list".to_owned()],
            },
            without: "what really runs".to_owned(),
        }],
        granted_by: vec!["#platform-help".to_owned()],
    }
}

fn made(sign_in: SignInState) -> String {
    let team_file = TeamFile::of_text(TEAM, "here").expect("a team file");
    let planted = |secret: &str| format!("it said {secret}\u{1b}[31m");
    let aws = ["AK", "IAPLANTED0000000008"].concat();
    let bearer = "Bearer PLANTED-9aaaaaaaa";
    let jwt = ["eyJhbGciOiJub25lIn0", ".PLANTED-10."].concat();
    let github = ["github", "_pat_PLANTED_11aaaaaaaaaa"].concat();
    let mut facts = ClusterFacts::default();
    let denied = Coverage::Denied {
        message: planted(&aws),
    };
    facts.coverage.insert((Kind::Pod, Scope::All), denied);
    let errors = Errors::default();
    for _ in 0..2 {
        let why = Error::new(Code::Denied, planted(&jwt));
        errors.note(&why, Timestamp::UNIX_EPOCH);
    }
    let settings = Settings::of(&Sources::default(), true);
    let degraded = ConnectionState::Degraded {
        error: planted(bearer),
        retry_at: None,
        since: Timestamp::UNIX_EPOCH,
    };
    text(Parts {
        made_at: Timestamp::UNIX_EPOCH,
        settings: &settings,
        team_file: Some(&team_file),
        sign_in: Some(SignIn {
            provider: "id.example".to_owned(),
            state: sign_in,
            not_kept: None,
        }),
        connections: vec![connection(degraded, &[planted(&github).as_str()])],
        facts: vec![("prod".to_owned(), std::sync::Arc::new(facts))],
        errors: errors.all(),
    })
    .expect("written")
}

fn signed_in() -> SignInState {
    SignInState::SignedIn {
        person: "PLANTED-12@shop.example".to_owned(),
        roles: vec!["sre".to_owned()],
        until: Timestamp::UNIX_EPOCH,
        home: api::Home::Board,
        late: None,
    }
}

#[test]
fn nothing_that_was_planted_gets_out_and_what_helps_does() {
    let code = SignInState::Code {
        code: "PLANTED-13".to_owned(),
        address: "https://id.example/PLANTED-14".to_owned(),
        whole: Some("https://id.example/?PLANTED-15".to_owned()),
        caution: Some("The page is on PLANTED-13.example".to_owned()),
        until: Timestamp::UNIX_EPOCH,
    };
    let browser = SignInState::InBrowser {
        address: "https://id.example/?state=PLANTED-16".to_owned(),
    };
    for state in [signed_in(), code, browser] {
        let text = made(state);
        assert!(!text.contains("PLANTED"), "{text}");
        assert!(!text.contains('\u{1b}'));
        for helps in [
            "https://prod.example:6443",
            "https://id.example",
            "(certificates: 1)",
            "\"keys\"",
            "production",
            "#platform-help",
            "what really runs",
            "…@shop.example",
            env!("CARGO_PKG_VERSION"),
        ] {
            assert!(text.contains(helps), "{helps} is not in {text}");
        }
    }
}

#[test]
fn who_somebody_is_at_a_system_is_there_without_their_name() {
    for (identity, left) in [
        ("jo", "…"),
        ("okta:jo", "okta:…"),
        ("https://id.example#jo", "https:…"),
        ("mia (scopes repo)", "… (scopes repo)"),
        ("okta:jo@shop.example", "okta:…@shop.example"),
        (
            "system:serviceaccount:landfall:reader",
            "system:serviceaccount:landfall:reader",
        ),
        ("arn:aws:iam::1:user/jo.doe", "arn:aws:iam::1:user/…"),
        (
            "arn:aws:sts::1:assumed-role/reader/jo",
            "arn:aws:sts::1:assumed-role/reader/…",
        ),
        ("arn:aws:iam::1:root", "arn:aws:iam::1:root"),
    ] {
        let connection = Connection {
            identity: Some(identity.to_owned()),
            granted_by: vec![format!("user {identity}"), "group platform".to_owned()],
            ..connection(ConnectionState::Connecting, &[])
        };
        let settings = Settings::of(&Sources::default(), false);
        let text = text(Parts {
            made_at: Timestamp::UNIX_EPOCH,
            settings: &settings,
            team_file: None,
            sign_in: None,
            connections: vec![connection],
            facts: Vec::new(),
            errors: Vec::new(),
        });
        let text = text.expect("written");
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let connection = &read["connections"][0];
        assert_eq!(connection["identity"], left);
        assert_eq!(connection["grantedBy"][0], format!("user {left}"));
        assert_eq!(connection["grantedBy"][1], "group platform");
    }
}

#[test]
fn it_can_be_read_and_says_each_thing_once() {
    let read: serde_json::Value = serde_json::from_str(&made(signed_in())).expect("JSON");
    let fields: Vec<&String> = read.as_object().expect("fields").keys().collect();
    assert_eq!(
        fields,
        [
            "connections",
            "errors",
            "landfall",
            "madeAt",
            "objects",
            "platform",
            "settings",
            "signIn",
            "teamFile",
            "version"
        ]
    );
    assert_eq!(read["signIn"]["domain"], "shop.example");
    assert_eq!(read["signIn"]["roles"][0], "sre");
    assert_eq!(read["connections"][0]["rights"][0]["held"]["held"], "no");
    assert_eq!(
        read["objects"]["prod"]["Pod"]["coverage"][0]["state"],
        "denied"
    );
    assert_eq!(
        read["errors"].as_array().map(Vec::len),
        Some(1),
        "one a code"
    );
    assert_eq!(read["settings"]["teamFile"], "of the team that was joined");
}

#[test]
fn it_is_written_for_its_owner_alone_and_over_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bundle.json");
    write(&path, "{}\n").expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        // Not through a link to where nothing is yet, either.
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).expect("linked");
        assert!(write(&link, "{}").is_err());
        assert!(!folder.path().join("elsewhere").exists());
    }
    let refused = write(&path, "another").expect_err("it is there");
    assert_eq!(refused.code, Code::BadFile);
    assert!(refused.message.contains("bundle.json"), "{refused}");
    assert!(refused.hint.contains("Name another file"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).expect("there"), "{}\n");
    let nowhere = write(&folder.path().join("no/such.json"), "{}").expect_err("no folder");
    assert!(nowhere.hint.contains("a folder that is there"), "{nowhere}");
    let named = place("2026-11-30T19:07:21Z".parse().expect("a time"));
    assert!(
        named.ends_with("landfall-diagnostics-20261130T190721Z.json"),
        "{named:?}"
    );
}
