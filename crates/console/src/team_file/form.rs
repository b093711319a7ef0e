//! The team file's form: each thing that may be written in it, with what it means where it is absent.
//!
//! Owns the words and the published schema (docs/landfall.schema.json is made of these types). Checks nothing that a type
//! cannot say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::acting::{ActionsLink, Freeze};
use super::{address, shown};

/// The ports that the browser is sent back to where the file names none: unassigned ones, below those that systems hand
/// out for outgoing connections. The provider has to know each of them.
pub const PORTS: [u16; 3] = [8741, 18741, 28741];

/// landfall.yaml: what cannot be found by looking. Holds no secret.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamFile {
    /// The version of this form: 1.
    pub version: u32,
    /// What the team is called.
    #[serde(default)]
    pub name: Option<String>,
    /// The public key (minisign) that this file is signed with, as `landfall team key` prints it. Needed for joining.
    #[serde(default)]
    pub signed_by: Option<String>,
    /// Who signs people in. Absent: everything is reached with what a person's own kubeconfig and AWS files have.
    #[serde(default)]
    pub sign_in: Option<SignIn>,
    /// Clusters that are reached with the sign-in. Where any are named, the person's own kubeconfig is left alone unless
    /// it is given by hand.
    #[serde(default)]
    pub clusters: Vec<Cluster>,
    /// What people are in the team, the first that fits counts.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Whom to ask for rights that are missing.
    #[serde(default)]
    pub owners: Vec<Owner>,
    /// Folders of the team's own actions in Git, each pinned to a commit or a tag, such as
    /// https://code.example/shop/deploy//actions?ref=v3.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub actions: Vec<ActionsLink>,
    /// Times in which no action changes anything.
    #[serde(default)]
    pub freezes: Vec<Freeze>,
    /// Code hosts whose address or API cannot be derived from their name.
    #[serde(default)]
    pub code_hosts: Vec<CodeHost>,
    /// Registries whose address cannot be derived from their name.
    #[serde(default)]
    pub registries: Vec<Registry>,
    /// Accounts and regions of AWS whose ECS services are read, and whose clusters are signed in to.
    #[serde(default)]
    pub aws: Vec<Aws>,
    /// Environments from first to last.
    #[serde(default)]
    pub(super) environments: Vec<Environment>,
    /// The releasing branch by repository.
    #[serde(default)]
    pub(super) branches: BTreeMap<String, String>,
}

/// The OpenID provider, such as Okta, and this application in it.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignIn {
    /// The issuer, exactly as its tokens name it: https://acme.okta.com.
    #[serde(deserialize_with = "address::address")]
    pub issuer: Url,
    /// The application's client id: a public client with PKCE, no secret.
    pub client_id: String,
    /// What is asked for. `offline_access` is what makes a sign-in last.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim of the ID token that lists the person's groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// The ports of 127.0.0.1 that the provider sends the browser back to, tried in this order. Each is registered with
    /// it as `http://127.0.0.1:<port>/landfall/signed-in`.
    #[serde(default = "ports")]
    pub ports: Vec<u16>,
    /// Certificates of authorities, as PEM, that are trusted for the issuer beside the system's.
    #[serde(default, serialize_with = "shown::certificates")]
    pub authorities: Vec<String>,
}

fn scopes() -> Vec<String> {
    ["profile", "email", "groups", "offline_access"]
        .map(str::to_owned)
        .to_vec()
}

fn groups_claim() -> String {
    "groups".to_owned()
}

fn ports() -> Vec<u16> {
    PORTS.to_vec()
}

/// A Kubernetes cluster that takes the sign-in.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// What people call it; an environment's `cluster` may name it.
    pub name: String,
    /// Where its API server answers.
    #[serde(deserialize_with = "address::address")]
    pub server: Url,
    /// The certificate of its authority, as PEM; absent: the system's.
    #[serde(default, serialize_with = "shown::may_be_certificates")]
    pub authority: Option<String>,
    /// A namespace to look in where all of them may not be read at once; absent: `default`.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Absent: the API server trusts the issuer (`--authentication-config`) and is shown the ID token. Present: it is
    /// Amazon EKS and is shown a token that is made of the account's credentials.
    #[serde(default)]
    pub eks: Option<Eks>,
}

/// Which EKS cluster it is.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Eks {
    /// The name of an entry of `aws`.
    pub account: String,
    /// The cluster's name there; absent: the same as here.
    #[serde(default)]
    pub cluster: Option<String>,
}

/// What some people are in the team. It decides what is offered; what works is decided by the clusters and accounts.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// Its name: developer, support, sre.
    pub name: String,
    /// The groups of the provider whose members are this.
    pub groups: Vec<String>,
    /// The screen that they start with; absent: the board, and for `support` the actions.
    #[serde(default)]
    pub home: Option<Home>,
}

/// A screen to start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Home {
    /// All apps.
    Board,
    /// What they may run.
    Actions,
    /// What happened to them.
    Changes,
    /// What could not be linked to source.
    Coverage,
    /// The systems that answer.
    Connections,
}

impl From<Home> for api::Home {
    fn from(home: Home) -> Self {
        match home {
            Home::Board => Self::Board,
            Home::Actions => Self::Actions,
            Home::Changes => Self::Changes,
            Home::Coverage => Self::Coverage,
            Home::Connections => Self::Connections,
        }
    }
}

/// Who keeps a system, and can be asked for rights to it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Owner {
    /// What: a cluster's or an AWS account's name, with one * for anything. The name itself counts first, * alone last.
    pub of: String,
    /// Where to ask: a channel, a group, a mail address.
    pub ask: String,
}

/// One code host.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeHost {
    /// As image labels and Flux sources name it.
    #[serde(deserialize_with = "address::host")]
    pub host: String,
    /// Where Git's smart HTTP answers; absent: https://<host>.
    #[serde(default, deserialize_with = "address::may_be_address")]
    pub address: Option<Url>,
    /// GitHub's REST API; absent: none, unless the host is github.com.
    #[serde(default, deserialize_with = "address::may_be_address")]
    pub api: Option<Url>,
    /// The application that people sign in with at this host. Absent: a token of their own is all that they can give.
    #[serde(default)]
    pub sign_in: Option<CodeHostSignIn>,
}

/// A GitHub App or an OAuth app whose device flow is on. It needs no secret.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeHostSignIn {
    /// Its client id.
    pub client_id: String,
    /// What an OAuth app asks for, such as `repo` for private repositories; a GitHub App's permissions are its own.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Where `/login/device/code` and `/login/oauth/access_token` are; absent: the host's address.
    #[serde(default, deserialize_with = "address::may_be_address")]
    pub address: Option<Url>,
}

impl CodeHost {
    /// GitHub's own, with nothing special about it.
    pub fn github() -> Self {
        Self {
            host: "github.com".to_owned(),
            address: None,
            api: None,
            sign_in: None,
        }
    }

    /// Where its Git answers.
    pub fn address(&self) -> Option<Url> {
        let derived = || Url::parse(&format!("https://{}", self.host)).ok();
        self.address.clone().or_else(derived)
    }

    /// Where its REST API answers, if it has one.
    pub fn api(&self) -> Option<Url> {
        let is_github = self.host.eq_ignore_ascii_case("github.com");
        let derived = || Url::parse("https://api.github.com").ok();
        self.api.clone().or_else(|| derived().filter(|_| is_github))
    }

    /// Where its pages for signing in are.
    pub fn pages(&self) -> Option<Url> {
        let said = self.sign_in.as_ref().and_then(|one| one.address.clone());
        said.or_else(|| self.address())
    }
}

/// One registry.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registry {
    /// As image references name it.
    #[serde(deserialize_with = "address::host")]
    pub host: String,
    /// Where the OCI distribution API answers; absent: https://<host>.
    #[serde(default, deserialize_with = "address::may_be_address")]
    pub address: Option<Url>,
}

/// One account and region of AWS. Its credentials are never here: the sign-in gives them, the SDK's own chain has them, the
/// named profile, or the named file.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Aws {
    /// What people call it; an environment's `cluster` may name it.
    pub name: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// Where AWS answers, if not at its own address.
    #[serde(default, deserialize_with = "address::may_be_address")]
    pub endpoint: Option<Url>,
    /// The IAM role that everyone takes with the sign-in (AssumeRoleWithWebIdentity).
    pub role: Option<String>,
    /// The profile of `~/.aws/config`.
    pub profile: Option<String>,
    /// A file in the form of `~/.aws/credentials` whose credentials are taken, and no others; beside the team file if it
    /// is no whole path.
    #[serde(default, serialize_with = "shown::file_name")]
    pub credentials: Option<PathBuf>,
    /// The ECS clusters to read; absent: all.
    #[serde(default)]
    pub clusters: Vec<String>,
}

impl Aws {
    /// Where AWS answers, as its clients take it.
    pub fn endpoint(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?;
        Some(endpoint.as_str().trim_end_matches('/').to_owned())
    }
}

/// One environment.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Environment {
    /// Its name.
    pub(super) name: String,
    /// The cluster, kubeconfig context or entry of `aws`; absent: any.
    #[serde(default)]
    pub(super) cluster: Option<String>,
    /// Namespaces, exact or with one *; absent: all.
    #[serde(default)]
    pub(super) namespaces: Vec<String>,
}
