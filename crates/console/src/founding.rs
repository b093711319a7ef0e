//! Founding a team: what whoever keeps the clusters has to set up once, proposed from what they can see.
//!
//! Owns the files that are proposed, each explained in itself: the team file, the application at the provider, the rights
//! in clusters and in AWS. Changes nothing anywhere: people with the rights do that, having read it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use api::Error;
use cloud::{Eks, Source};
use cluster::Address;
use url::Url;

use crate::team_file::form::PORTS;

/// What the founder knows and no system tells.
#[derive(Clone, Debug)]
pub struct Founder {
    /// What the team is called.
    pub name: String,
    /// Who signs people in.
    pub issuer: Url,
    /// The application's client id there.
    pub client_id: String,
    /// What the API servers put before the provider's groups.
    pub group_prefix: String,
    /// The groups whose members read everything that Landfall shows.
    pub groups: Vec<String>,
    /// The kubeconfig to look in; absent: the person's own.
    pub kubeconfig: Option<PathBuf>,
    /// Which of its contexts; none means all.
    pub contexts: Vec<String>,
    /// The regions of AWS to look for EKS clusters in.
    pub regions: Vec<String>,
    /// The profile of `~/.aws/config` to look with; absent: the SDK's default chain.
    pub profile: Option<String>,
    /// Where AWS answers, if not at its own address.
    pub endpoint: Option<String>,
}

/// One file of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: String,
}

/// What was proposed, and what could not be looked at.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// The files.
    pub files: Vec<Proposed>,
    /// What was not found or may not be looked at, a sentence each.
    pub gaps: Vec<String>,
}

/// A cluster that the founder can see.
struct Seen {
    address: Address,
    /// The account and name of the EKS cluster that it is.
    eks: Option<(String, String)>,
}

/// Looks at what the founder can see, and proposes what to set up.
///
/// # Errors
/// The kubeconfig is named and cannot be read.
pub async fn propose(founder: &Founder) -> Result<Proposal, Error> {
    let mut proposal = Proposal::default();
    let mut seen = kubeconfigs(founder, &mut proposal.gaps)?;
    let mut accounts = BTreeMap::new();
    for region in &founder.regions {
        let name = format!("aws-{region}");
        look(founder, region, &name, &mut seen, &mut proposal.gaps).await;
        accounts.insert(name, region.clone());
    }
    if seen.is_empty() {
        proposal.gaps.push(
            "no cluster was found: add them under clusters, or look again with --kubeconfig or --region".to_owned(),
        );
    }
    let groups: Vec<String> = founder
        .groups
        .iter()
        .map(|group| format!("{}{group}", founder.group_prefix))
        .collect();
    let mut file = |name, text| proposal.files.push(Proposed { name, text });
    file("landfall.yaml", team_file(founder, &seen, &accounts));
    file("provider.md", provider(founder));
    file(
        "rbac.yaml",
        cluster::cluster_role("landfall-reader", &groups),
    );
    file("authentication.yaml", authentication(founder));
    if !accounts.is_empty() {
        file("aws.md", aws(founder, &seen));
    }
    Ok(proposal)
}

fn kubeconfigs(founder: &Founder, gaps: &mut Vec<String>) -> Result<Vec<Seen>, Error> {
    let contexts = match cluster::contexts(founder.kubeconfig.as_deref()) {
        Ok(contexts) => contexts,
        Err(why) if founder.kubeconfig.is_none() => {
            gaps.push(why.to_string());
            return Ok(Vec::new());
        }
        Err(why) => return Err(why.into()),
    };
    let wanted = |name: &String| founder.contexts.is_empty() || founder.contexts.contains(name);
    let mut seen = Vec::new();
    for context in contexts.iter().filter(|context| wanted(&context.name)) {
        match cluster::address(context) {
            Ok(address) => seen.push(Seen { address, eks: None }),
            Err(why) => gaps.push(format!("context {}: {why}", context.name)),
        }
    }
    Ok(seen)
}

/// Finds a region's EKS clusters; those that the kubeconfig has already become what they are.
async fn look(
    founder: &Founder,
    region: &str,
    account: &str,
    seen: &mut Vec<Seen>,
    gaps: &mut Vec<String>,
) {
    let eks = Eks {
        region: region.to_owned(),
        endpoint: founder.endpoint.clone(),
        credentials: match &founder.profile {
            Some(profile) => Source::Profile(profile.clone()),
            None => Source::Chain,
        },
    };
    let listed = match eks.discover(&cloud::Options::default()).await {
        Ok(listed) => listed,
        Err(why) => {
            gaps.push(format!("EKS in {region}: {why}"));
            return;
        }
    };
    for one in listed {
        let found = match one.cluster {
            Ok(found) => found,
            Err(why) => {
                gaps.push(format!("EKS cluster {} in {region}: {why}", one.name));
                continue;
            }
        };
        let Some(endpoint) = found.endpoint else {
            gaps.push(format!(
                "EKS cluster {} is {} and has no address yet",
                one.name, found.status
            ));
            continue;
        };
        let is_it = |seen: &&mut Seen| {
            let same = |address: &str| address.trim_end_matches('/').to_lowercase();
            same(&seen.address.server) == same(&endpoint)
        };
        let eks = Some((account.to_owned(), one.name.clone()));
        match seen.iter_mut().find(is_it) {
            Some(known) => known.eks = eks,
            None => seen.push(Seen {
                address: Address {
                    name: one.name,
                    server: endpoint,
                    authorities: found.authority.into_iter().collect(),
                    namespace: String::new(),
                },
                eks,
            }),
        }
    }
}

/// JSON's strings are YAML's: a name may hold anything.
fn quoted(text: &str) -> serde_json::Value {
    serde_json::Value::from(text)
}

fn team_file(founder: &Founder, seen: &[Seen], accounts: &BTreeMap<String, String>) -> String {
    let mut text = format!(
        "# yaml-language-server: $schema=landfall.schema.json (`landfall team schema` prints it)\n\
         version: 1\nname: {}\n\
         # The public half of the key that signs this file: `landfall team key` makes one.\n\
         signedBy: PUT-THE-PUBLIC-KEY-HERE\n\
         signIn:\n  issuer: {}\n  clientId: {}\n",
        quoted(&founder.name),
        quoted(founder.issuer.as_str().trim_end_matches('/')),
        quoted(&founder.client_id)
    );
    // Writing to a String cannot fail.
    if !founder.groups.is_empty() {
        let groups: Vec<String> = founder
            .groups
            .iter()
            .map(|one| quoted(one).to_string())
            .collect();
        let _ = write!(
            text,
            "# What people are: it decides what is offered. What works is decided by RBAC and IAM.\n\
             roles:\n- name: developer\n  groups: [{}]\n",
            groups.join(", ")
        );
    }
    if !accounts.is_empty() {
        text.push_str("aws:\n");
    }
    for (name, region) in accounts {
        let _ = write!(
            text,
            "- name: {}\n  region: {}\n  # aws.md says what this role needs.\n  role: arn:aws:iam::ACCOUNT:role/landfall-reader\n",
            quoted(name),
            quoted(region)
        );
    }
    if !seen.is_empty() {
        text.push_str("clusters:\n");
    }
    for one in seen {
        let _ = write!(
            text,
            "- name: {}\n  server: {}\n",
            quoted(&one.address.name),
            quoted(&one.address.server)
        );
        for authority in &one.address.authorities {
            text.push_str("  authority: |\n");
            for line in authority.lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
        if !matches!(one.address.namespace.as_str(), "" | "default") {
            let _ = writeln!(text, "  namespace: {}", quoted(&one.address.namespace));
        }
        if let Some((account, name)) = &one.eks {
            let _ = writeln!(
                text,
                "  eks: {{account: {}, cluster: {}}}",
                quoted(account),
                quoted(name)
            );
        }
    }
    text
}

fn provider(founder: &Founder) -> String {
    let redirects: String = PORTS
        .iter()
        .map(|port| format!("- `{}`\n", identity::redirect(*port)))
        .collect();
    format!(
        "# The application at {issuer}\n\n\
         In Okta: Applications, Create App Integration, OIDC, *Native application*. Elsewhere: a public client.\n\n\
         - Client authentication: none; **PKCE required**. There is no client secret: it would be on every machine.\n\
         - Grant types: Authorization Code, Refresh Token (with rotation), Device Authorization (for machines without a browser).\n\
         - Sign-in redirect addresses, each of them, letter by letter:\n{redirects}\
         - Scopes: `openid profile email groups offline_access`.\n\
         - A claim `groups` in the ID token that lists the groups that the team file and RBAC name, and no others.\n\
         - Who may use it: the groups of the team.\n\n\
         Its client id is `{client_id}` in landfall.yaml.\n",
        issuer = founder.issuer,
        client_id = founder.client_id,
    )
}

/// What an API server needs to trust the issuer.
fn authentication(founder: &Founder) -> String {
    format!(
        "# For API servers that you run: --authentication-config=<this file>. For EKS: aws eks associate-identity-provider-config\n\
         # with the same issuer, client id and claims; or leave it, and let access entries map the role of aws.md.\n\
         apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n- issuer:\n    url: {}\n    audiences: [{}]\n\
         \x20 claimMappings:\n    username: {{claim: email, prefix: \"\"}}\n    groups: {{claim: groups, prefix: {}}}\n",
        quoted(founder.issuer.as_str().trim_end_matches('/')),
        quoted(&founder.client_id),
        quoted(&founder.group_prefix)
    )
}

fn aws(founder: &Founder, seen: &[Seen]) -> String {
    let issuer = founder.issuer.as_str().trim_end_matches('/');
    let bare = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let pretty = |value: &serde_json::Value| {
        serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
    };
    let mut text = format!(
        "# AWS\n\nOnce for each account:\n\n\
         1. An IAM OIDC identity provider for `{issuer}` with the audience `{client}`.\n\
         2. The role `landfall-reader` that trusts it (put the account's number where ACCOUNT stands):\n\n```json\n{trust}\n```\n\n\
         3. This policy on the role; each statement is what one part of Landfall uses:\n\n```json\n{policy}\n```\n\n\
         | statement | without it is unknown |\n|---|---|\n",
        client = founder.client_id,
        trust = pretty(&cloud::trust("ACCOUNT", bare, &founder.client_id)),
        policy = pretty(&cloud::policy()),
    );
    for right in cloud::RIGHTS {
        let _ = writeln!(text, "| {} | {} |", right.name, right.without);
    }
    let _ = write!(
        text,
        "\nA role with that changes nothing. This policy beside it is for {}; IAM narrows it to clusters and services, and \
         leaving it out keeps that from everybody:\n\n```json\n{}\n```\n",
        cloud::ACTING.without,
        pretty(&cloud::acting_policy())
    );
    let clusters: Vec<&str> = seen
        .iter()
        .filter_map(|one| Some(one.eks.as_ref()?.1.as_str()))
        .collect();
    if !clusters.is_empty() {
        text.push_str(
            "\nFor each EKS cluster an access entry that puts the role into a group, and rbac.yaml bound to that group:\n\n```\n",
        );
        for cluster in clusters {
            let _ = writeln!(
                text,
                "aws eks create-access-entry --cluster-name {cluster} --principal-arn arn:aws:iam::ACCOUNT:role/landfall-reader \\\n  --kubernetes-groups landfall-readers --type STANDARD"
            );
        }
        text.push_str("```\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team_file::TeamFile;

    #[tokio::test]
    async fn what_is_proposed_is_a_team_file_that_can_be_read_once_it_has_a_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = folder.path().join("config");
        let text = "apiVersion: v1\nkind: Config\n\
            clusters: [{name: c, cluster: {server: 'https://c.example:6443', certificate-authority-data: LS0tCg==}}]\n\
            users: [{name: u, user: {token: topsecret}}]\n\
            contexts: [{name: 'prod: \"x\"', context: {cluster: c, user: u, namespace: shop}}]\n";
        std::fs::write(&kubeconfig, text).expect("written");
        let founder = Founder {
            name: "Tide: \"water\"".to_owned(),
            issuer: "https://tide.okta.example".parse().expect("an address"),
            client_id: "0oa1".to_owned(),
            group_prefix: "okta:".to_owned(),
            groups: vec!["dev".to_owned()],
            kubeconfig: Some(kubeconfig),
            contexts: Vec::new(),
            regions: Vec::new(),
            profile: None,
            endpoint: None,
        };
        let proposal = propose(&founder).await.expect("proposed");
        assert!(proposal.gaps.is_empty(), "{:?}", proposal.gaps);
        let whole: String = proposal
            .files
            .iter()
            .map(|file| file.text.as_str())
            .collect();
        assert!(!whole.contains("topsecret"), "nobody's token is in it");
        let file = TeamFile::of_text(&proposal.files[0].text, "here").expect("a team file");
        assert_eq!(file.name.as_deref(), Some("Tide: \"water\""));
        assert_eq!(file.clusters[0].name, "prod: \"x\"");
        assert_eq!(file.clusters[0].authority.as_deref(), Some("---\n"));
        assert_eq!(file.clusters[0].namespace.as_deref(), Some("shop"));
        assert_eq!(file.roles[0].groups, ["dev"]);
        let rbac = &proposal.files[2].text;
        assert!(rbac.contains("name: \"okta:dev\""), "{rbac}");
    }
}
