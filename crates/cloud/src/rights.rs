//! What reading an account needs: one table of IAM actions, each with what is missing where it is missing.
//!
//! Owns the table and the policy that is made of it. `sts:GetCallerIdentity` needs no permission.

use serde_json::{Value, json};

/// One group of IAM actions that are used together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The statement's name in the policy.
    pub name: &'static str,
    /// The actions.
    pub actions: &'static [&'static str],
    /// What is unknown without it.
    pub without: &'static str,
    /// Whether only proposing a team's files uses it, and reading an account goes without.
    pub is_for_founding: bool,
}

/// All rights that reading uses. None of these actions can be narrowed to single resources in each of AWS' services.
pub const RIGHTS: [Right; 4] = [
    Right {
        name: "EcsServices",
        actions: &[
            "ecs:ListClusters",
            "ecs:DescribeClusters",
            "ecs:ListServices",
            "ecs:DescribeServices",
            "ecs:ListTasks",
            "ecs:DescribeTasks",
            "ecs:DescribeTaskDefinition",
        ],
        without: "the apps that run on Amazon ECS",
        is_for_founding: false,
    },
    Right {
        name: "EcsDeployments",
        actions: &[
            "ecs:ListServiceDeployments",
            "ecs:DescribeServiceDeployments",
            "ecs:DescribeServiceRevisions",
        ],
        without: "whether an ECS service was rolled back, and by what",
        is_for_founding: false,
    },
    Right {
        name: "TargetHealth",
        actions: &["elasticloadbalancing:DescribeTargetHealth"],
        without: "whether traffic reaches an ECS service",
        is_for_founding: false,
    },
    Right {
        name: "EksClusters",
        actions: &["eks:ListClusters", "eks:DescribeCluster"],
        without: "which EKS clusters there are: signing in to a known one works without",
        is_for_founding: true,
    },
];

/// What actions on ECS services and tasks need beside [`RIGHTS`], which reading goes without. IAM can narrow both to single
/// clusters and services; who may act is decided there.
pub const ACTING: Right = Right {
    name: "EcsActions",
    actions: &["ecs:UpdateService", "ecs:StopTask"],
    without: "restarting, scaling and rolling back ECS services, and stopping their tasks",
    is_for_founding: false,
};

/// The policy of the rights that reading uses.
pub fn policy() -> Value {
    of_rights(&RIGHTS)
}

/// The policy of what actions need beside [`policy`].
pub fn acting_policy() -> Value {
    of_rights(&[ACTING])
}

fn of_rights(rights: &[Right]) -> Value {
    let statements = rights.iter().map(|right| {
        json!({"Sid": right.name, "Effect": "Allow", "Action": right.actions, "Resource": "*"})
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

/// Whom a role trusts: people whom an OpenID provider signed in to this application.
pub fn trust(account: &str, issuer_without_scheme: &str, client_id: &str) -> Value {
    let provider = format!("arn:aws:iam::{account}:oidc-provider/{issuer_without_scheme}");
    let audience = format!("{issuer_without_scheme}:aud");
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {audience: client_id}},
    }]})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_policy_lists_and_describes_and_does_nothing_else() {
        let reads = |action: &&&str| {
            let (_, verb) = action.split_once(':').unwrap();
            verb.starts_with("List") || verb.starts_with("Describe")
        };
        let actions = RIGHTS.iter().flat_map(|right| right.actions);
        assert!(actions.clone().all(|action| reads(&action)));
        let policy = policy();
        let statements = policy["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), RIGHTS.len());
        // Every request that this crate sends is in it, and none that it does not send.
        let of_policy: BTreeSet<String> = actions
            .map(|action| action.split_once(':').unwrap().1.to_owned())
            .collect();
        let mut sent = BTreeSet::new();
        calls(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut sent,
        );
        assert_eq!(sent, of_policy);
    }

    #[test]
    fn what_changes_something_is_in_the_acting_policy_alone_and_sent_from_one_file() {
        let policy = acting_policy().to_string();
        let reading = super::policy().to_string();
        for action in ACTING.actions {
            assert!(policy.contains(action) && !reading.contains(action));
        }
        // Every verb of ECS' API that changes something, where it is named in this crate.
        let verbs = [
            ".update_",
            ".stop_task",
            ".delete_",
            ".create_",
            ".run_task",
            ".put_",
        ];
        let mut named = BTreeSet::new();
        sends(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &verbs,
            &mut named,
        );
        let known: BTreeSet<String> = [
            // A sign-in's, at the identity centre.
            "identity_center.rs.create_token()",
            "writing.rs.stop_task()",
            "writing.rs.update_service()",
        ]
        .map(str::to_owned)
        .into();
        assert_eq!(named, known);
    }

    /// The SDK's calls in these files that begin with one of these verbs.
    fn sends(folder: &Path, verbs: &[&str], named: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sends(&path, verbs, named);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            // This file spells what it looks for.
            if file == "rights.rs" {
                continue;
            }
            for verb in verbs {
                for (at, _) in text.match_indices(verb) {
                    let rest = &text[at..];
                    let end = rest[1..].find(|c: char| !c.is_ascii_lowercase() && c != '_');
                    let name = &rest[..=end.unwrap_or_default()];
                    if rest[name.len()..].starts_with("()") {
                        named.insert(format!("{file}{name}()"));
                    }
                }
            }
        }
    }

    #[test]
    fn what_comes_of_every_action_that_reading_sends_is_noted_by_its_name() {
        let mut text = String::new();
        for file in [
            "round.rs",
            "round/deployments.rs",
            "round/services.rs",
            "round/tasks.rs",
        ] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
        let noted = text.split("note(\"").skip(1);
        let noted: BTreeSet<&str> = noted.map(|rest| rest.split('"').next().unwrap()).collect();
        let read = RIGHTS.iter().filter(|right| !right.is_for_founding);
        let read: BTreeSet<&str> = read.flat_map(|right| right.actions).copied().collect();
        assert_eq!(noted, read);
    }

    /// The SDK's calls in these files, as IAM names them.
    fn calls(folder: &Path, sent: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                calls(&path, sent);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for word in text.split('.') {
                let Some((name, _)) = word.split_once("()") else {
                    continue;
                };
                if ["list_", "describe_"]
                    .iter()
                    .any(|verb| name.starts_with(verb))
                    && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                {
                    let parts = name.split('_');
                    sent.insert(parts.map(capitalised).collect());
                }
            }
        }
    }

    fn capitalised(word: &str) -> String {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    }
}
