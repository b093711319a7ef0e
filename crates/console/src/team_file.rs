//! The team file: parses it and says what is wrong with it (docs/TEAMFILE.md describes it).
//!
//! Owns what must fit together in it; its words are `form`'s, its signature `signature`'s. What its parts mean belongs to
//! `facts::Team` and to the edges.

pub mod acting;
mod address;
pub mod form;
mod shown;
pub mod signature;

use std::collections::BTreeSet;
use std::path::Path;

use api::Error;
use api::error::Code;
use facts::code::repository_key;
use facts::team::{Environment, Team};

pub use form::TeamFile;

/// The only version there is.
const VERSION: u32 = 1;

/// Why a team file cannot be used.
#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Unreadable(#[from] std::io::Error),
    #[error(transparent)]
    Form(#[from] serde_yaml_ng::Error),
    #[error("it is of version {0}, and this Landfall reads version {VERSION}")]
    Version(u32),
    #[error("branches: {0} of a repository")]
    Branches(address::Wrong),
    #[error("two entries of aws or clusters are called '{0}'")]
    Twice(String),
    #[error("cluster '{cluster}' is of the account '{account}', and no entry of aws is called so")]
    NoAccount { cluster: String, account: String },
    #[error("{0}, and there is no signIn")]
    NoSignIn(String),
    #[error("{what} '{address}' must be https: tokens go there")]
    NotTls { what: &'static str, address: String },
    #[error("the code host '{0}' has a signIn and no api, which alone tells whose a token is")]
    NoApi(String),
    #[error(
        "the code host '{0}' is signed in to over https and over plain http: `api` and the sign-in's address must be alike"
    )]
    HalfTls(String),
    #[error("the account '{0}' takes credentials from a file, which people who join do not have")]
    NamesAFile(String),
    #[error("freezes[{0}]: {1}")]
    Freeze(usize, acting::WrongFreeze),
    #[error("the account '{0}' has more than one of role, profile and credentials")]
    TwoWays(String),
}

impl TeamFile {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// [`Code::BadFile`] when it cannot be read, is not YAML of this form, or has another version.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let from = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| bad(&from, &error.into()))?;
        let mut file = Self::of_text(&text, &from)?;
        let beside = path.parent().unwrap_or(Path::new(""));
        for credentials in file
            .aws
            .iter_mut()
            .filter_map(|aws| aws.credentials.as_mut())
        {
            *credentials = beside.join(&*credentials);
        }
        Ok(file)
    }

    /// Parses a file's text that came from somewhere.
    ///
    /// # Errors
    /// [`Code::BadFile`] when it is not YAML of this form, or has another version.
    pub fn of_text(text: &str, from: &str) -> Result<Self, Error> {
        Self::parse(text).map_err(|why| bad(from, &why))
    }

    /// The same of a file that is joined by: it lies in no folder, and names nothing on its reader's machine.
    ///
    /// # Errors
    /// As [`Self::of_text`], or it names a file.
    pub fn of_joined(text: &str, from: &str) -> Result<Self, Error> {
        let file = Self::of_text(text, from)?;
        match file.aws.iter().find(|aws| aws.credentials.is_some()) {
            Some(aws) => Err(bad(from, &Reason::NamesAFile(aws.name.clone()))),
            None => Ok(file),
        }
    }

    /// What to call the team.
    pub fn called(&self) -> &str {
        self.name.as_deref().unwrap_or("your team")
    }

    /// Parses the text; the error is the reason alone.
    fn parse(text: &str) -> Result<Self, Reason> {
        let file: Self = serde_yaml_ng::from_str(text)?;
        if file.version != VERSION {
            return Err(Reason::Version(file.version));
        }
        let mut names = BTreeSet::new();
        let all = file.aws.iter().map(|aws| &aws.name);
        let mut all = all.chain(file.clusters.iter().map(|cluster| &cluster.name));
        if let Some(twice) = all.find(|name| !names.insert(*name)) {
            return Err(Reason::Twice(twice.clone()));
        }
        let mut repositories = file.branches.keys();
        repositories
            .try_for_each(|repository| address::repository(repository))
            .map_err(Reason::Branches)?;
        for (place, freeze) in file.freezes.iter().enumerate() {
            freeze.rule().map_err(|why| Reason::Freeze(place, why))?;
        }
        file.check_sign_in()?;
        Ok(file)
    }

    /// What the sign-in opens must be reached by it, and over TLS.
    fn check_sign_in(&self) -> Result<(), Reason> {
        for aws in &self.aws {
            let ways = [
                aws.role.is_some(),
                aws.profile.is_some() || aws.credentials.is_some(),
            ];
            if ways == [true, true] {
                return Err(Reason::TwoWays(aws.name.clone()));
            }
            if let (Some(_), Some(endpoint)) = (&aws.role, &aws.endpoint) {
                over_tls("the endpoint", endpoint)?;
            }
            if aws.role.is_some() && self.sign_in.is_none() {
                let what = format!("the account '{}' has a role", aws.name);
                return Err(Reason::NoSignIn(what));
            }
        }
        for cluster in &self.clusters {
            match &cluster.eks {
                Some(eks) if self.aws.iter().all(|aws| aws.name != eks.account) => {
                    return Err(Reason::NoAccount {
                        cluster: cluster.name.clone(),
                        account: eks.account.clone(),
                    });
                }
                Some(_) => {}
                None if self.sign_in.is_none() => {
                    let what = format!("the cluster '{}' takes the sign-in", cluster.name);
                    return Err(Reason::NoSignIn(what));
                }
                None => {}
            }
            over_tls("the server", &cluster.server)?;
        }
        for host in self.code_hosts.iter().filter(|host| host.sign_in.is_some()) {
            let (Some(address), Some(pages)) = (host.address(), host.pages()) else {
                continue;
            };
            over_tls("the code host's address", &address)?;
            over_tls("the code host's sign-in", &pages)?;
            let api = host.api().ok_or_else(|| Reason::NoApi(host.host.clone()))?;
            over_tls("the code host's API", &api)?;
            // One client asks both: what the one gives could not be shown to the other.
            if (pages.scheme() == "https") != (api.scheme() == "https") {
                return Err(Reason::HalfTls(host.host.clone()));
            }
        }
        match &self.sign_in {
            Some(sign_in) => over_tls("the issuer", &sign_in.issuer),
            None => Ok(()),
        }
    }

    /// The published schema of the form.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }

    /// When no action changes anything.
    pub fn freezes(&self) -> Vec<runbook::permit::Freeze> {
        // Each was looked at when the file was parsed.
        let rules = self.freezes.iter().map(acting::Freeze::rule);
        rules.filter_map(Result::ok).collect()
    }

    /// The part the engine needs.
    pub fn team(&self) -> Team {
        Team {
            environments: self
                .environments
                .iter()
                .map(|entry| Environment {
                    name: entry.name.clone(),
                    cluster: entry.cluster.clone(),
                    namespaces: entry.namespaces.clone(),
                })
                .collect(),
            branches: self
                .branches
                .iter()
                .map(|(repository, branch)| (repository_key(repository), branch.clone()))
                .collect(),
        }
    }
}

fn bad(from: &str, why: &Reason) -> Error {
    Error::new(
        Code::BadFile,
        format!("the team file {from} cannot be used: {why}"),
    )
    .hint("docs/TEAMFILE.md describes what it may say")
}

/// Tokens go over TLS, or nowhere but to this machine.
fn over_tls(what: &'static str, address: &url::Url) -> Result<(), Reason> {
    let is_here = match address.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if address.scheme() == "https" || is_here {
        return Ok(());
    }
    Err(Reason::NotTls {
        what,
        address: address.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const SIGN_IN: &str = "signIn: {issuer: 'https://id.example', clientId: x}\n";

    #[test]
    fn what_the_sign_in_opens_is_reached_over_tls_and_by_a_sign_in() {
        let refused = |text: &str| {
            let text = format!("version: 1\n{text}");
            TeamFile::parse(&text).expect_err("refused").to_string()
        };
        let cluster = "clusters: [{name: a, server: 'https://a.example'}]\n";
        assert!(refused(cluster).contains("no signIn"));
        let plain = "clusters: [{name: a, server: 'http://a.example'}]\n";
        assert!(refused(&format!("{SIGN_IN}{plain}")).contains("https"));
        assert!(refused("signIn: {issuer: 'http://id.example', clientId: x}\n").contains("issuer"));
        assert!(refused("aws: [{name: a, region: r, role: arn}]\n").contains("no signIn"));
        let clear = "aws: [{name: a, region: r, role: arn, endpoint: 'http://sts.example'}]\n";
        assert!(refused(&format!("{SIGN_IN}{clear}")).contains("endpoint"));
        let two = "aws: [{name: a, region: r, role: arn, profile: p}]\n";
        assert!(refused(&format!("{SIGN_IN}{two}")).contains("more than one"));
        let eks = "clusters: [{name: a, server: 'https://a.example', eks: {account: shop}}]\n";
        assert!(refused(eks).contains("'shop'"));
        let same = format!("{SIGN_IN}aws: [{{name: a, region: r}}]\n{cluster}");
        assert!(refused(&same).contains("'a'"));
        let code = "codeHosts: [{host: h.example, signIn: {clientId: x}}]\n";
        assert!(refused(code).contains("no api"));
        let clear =
            "codeHosts: [{host: h.example, api: 'http://h.example/api', signIn: {clientId: x}}]\n";
        assert!(refused(clear).contains("https"));
        let clear =
            "codeHosts: [{host: github.com, signIn: {clientId: x, address: 'http://h.example'}}]\n";
        assert!(refused(clear).contains("https"));
        let text = format!("version: 1\n{SIGN_IN}{cluster}");
        let file = TeamFile::parse(&text).expect("fine");
        let sign_in = file.sign_in.expect("there");
        assert_eq!(sign_in.ports, form::PORTS);
        assert!(sign_in.scopes.iter().any(|scope| scope == "offline_access"));
    }

    /// A file in which the address of the field is this.
    fn with_address(field: &str, address: &str) -> String {
        let around = match field {
            "signIn.issuer" => "signIn: {clientId: x, issuer: '{}'}",
            "clusters[0].server" => "clusters: [{name: a, server: '{}'}]",
            "codeHosts[0].host" => "codeHosts: [{host: '{}'}]",
            "codeHosts[0].address" => "codeHosts: [{host: h.example, address: '{}'}]",
            "codeHosts[0].api" => "codeHosts: [{host: h.example, api: '{}'}]",
            "codeHosts[0].signIn.address" => {
                "codeHosts: [{host: github.com, signIn: {clientId: x, address: '{}'}}]"
            }
            "registries[0].host" => "registries: [{host: '{}'}]",
            "registries[0].address" => "registries: [{host: h.example, address: '{}'}]",
            "aws[0].endpoint" => "aws: [{name: a, region: r, endpoint: '{}'}]",
            "branches" => "branches: {'{}': main}",
            other => panic!("no file has {other}"),
        };
        let around = around.replace("{}", address);
        match field {
            "clusters[0].server" => format!("version: 1\n{SIGN_IN}{around}\n"),
            _ => format!("version: 1\n{around}\n"),
        }
    }

    const ADDRESSES: [&str; 7] = [
        "signIn.issuer",
        "clusters[0].server",
        "codeHosts[0].address",
        "codeHosts[0].api",
        "codeHosts[0].signIn.address",
        "registries[0].address",
        "aws[0].endpoint",
    ];

    #[test]
    fn a_token_in_an_address_of_the_file_was_kept_and_shown_in_plain() {
        let secret = "hunter2";
        let refused = |field: &str, address: &str| {
            let text = with_address(field, address);
            let joined = TeamFile::of_joined(&text, "here").expect_err(address);
            let named = TeamFile::of_text(&text, "here").expect_err(address);
            for why in [joined, named] {
                assert_eq!(why.code, Code::BadFile);
                assert!(why.message.contains(field), "{field}: {why}");
                assert!(!why.to_string().contains(secret), "{field}: {why}");
            }
        };
        for field in ADDRESSES {
            for address in [
                "https://jo:hunter2@h.example",
                "https://hunter2@h.example/path",
                "https://h.example/?client_secret=hunter2",
                "https://h.example/#hunter2",
                // No address at all: the parser would quote it.
                "jo:hunter2@h.example",
                "h.example/hunter2",
                "https://jo:hunter2@[h.example",
            ] {
                refused(field, address);
            }
            let text = with_address(field, "https://h.example/path");
            TeamFile::parse(&text).expect(field);
        }
        for field in ["codeHosts[0].host", "registries[0].host"] {
            refused(field, "jo:hunter2@h.example");
            refused(field, "h.example?token=hunter2");
            TeamFile::parse(&with_address(field, "h.example:5000")).expect(field);
        }
        for repository in [
            "https://jo:hunter2@h.example/a",
            "https://h.example/a?hunter2",
        ] {
            refused("branches", repository);
        }
        for repository in [
            "ssh://git@h.example/a",
            "git@h.example:a.git",
            "h.example/a",
        ] {
            TeamFile::parse(&with_address("branches", repository)).expect(repository);
        }
    }

    #[test]
    fn no_address_of_the_form_is_read_without_looking_what_is_in_it() {
        let schema = serde_json::to_string(&TeamFile::schema()).expect("JSON");
        assert_eq!(
            schema.matches(r#""format":"uri""#).count(),
            ADDRESSES.len(),
            "a new address is read by `address`, and stands in ADDRESSES"
        );
    }

    #[test]
    fn a_code_host_is_signed_in_to_over_tls_or_on_this_machine_and_never_half() {
        let of = |api: &str, pages: &str| {
            let text = format!(
                "version: 1\ncodeHosts: [{{host: h.example, api: '{api}', signIn: {{clientId: x, address: '{pages}'}}}}]\n"
            );
            TeamFile::parse(&text)
        };
        let (https, here) = ("https://h.example", "http://127.0.0.1:1");
        for (api, pages) in [(https, here), (here, https)] {
            let why = of(api, pages).expect_err("half").to_string();
            assert!(why.contains("must be alike"), "{why}");
        }
        assert!(of(https, https).is_ok());
        assert!(of(here, here).is_ok());
    }

    #[test]
    fn the_described_code_host_can_be_signed_in_to() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/TEAMFILE.md");
        let described = std::fs::read_to_string(path).expect("it is there");
        let (_, from) = described.split_once("\ncodeHosts:").expect("code hosts");
        let (hosts, _) = from.split_once("\nregistries:").expect("registries");
        let text = format!("version: 1\ncodeHosts:{hosts}\n");
        let file = TeamFile::parse(&text).expect("fine");
        assert!(file.code_hosts[0].sign_in.is_some());
    }

    #[test]
    fn the_published_schema_is_the_forms_own() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/landfall.schema.json");
        let schema = serde_json::to_string_pretty(&TeamFile::schema()).expect("JSON") + "\n";
        if std::env::var_os("LANDFALL_WRITE_DOCS").is_some() {
            std::fs::write(&path, &schema).expect("written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == schema,
            "docs/landfall.schema.json is old: LANDFALL_WRITE_DOCS=1 cargo test -p console schema"
        );
    }

    #[test]
    fn owners_say_of_what_and_where_to_ask_and_nothing_else() {
        let text = "version: 1\nowners: [{of: prod, ask: '#platform'}, {of: 'shop-*', ask: sre@shop.example}]\n";
        let file = TeamFile::parse(text).expect("fine");
        assert_eq!(file.owners[1].of, "shop-*");
        assert_eq!(file.owners[1].ask, "sre@shop.example");
        for wrong in [
            "[{of: prod}]",
            "[{ask: x}]",
            "[{of: a, ask: x, password: y}]",
        ] {
            let text = format!("version: 1\nowners: {wrong}\n");
            assert!(TeamFile::parse(&text).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_word_it_does_not_know_is_named() {
        let error = TeamFile::parse("version: 1\nregistrys: []\n").expect_err("misspelt");
        assert!(error.to_string().contains("registrys"), "{error}");
    }

    #[test]
    fn another_version_is_refused() {
        let error = TeamFile::parse("version: 2\n").expect_err("from the future");
        assert!(error.to_string().contains("version 2"), "{error}");
    }

    #[test]
    fn an_account_of_aws_has_a_name_a_region_and_never_a_key() {
        let text = "version: 1\naws:\n- {name: aws, region: eu-west-1, profile: shop, clusters: [shop-prod]}\n";
        let file = TeamFile::parse(text).expect("fine");
        assert_eq!(file.aws[0].name, "aws");
        assert_eq!(file.aws[0].clusters, ["shop-prod"]);
        assert!(file.aws[0].endpoint.is_none());
        assert!(file.aws[0].credentials.is_none());
        let key = "version: 1\naws:\n- {name: aws, region: eu-west-1, secretAccessKey: x}\n";
        let error = TeamFile::parse(key).expect_err("a secret");
        assert!(error.to_string().contains("secretAccessKey"), "{error}");
        let twice = "version: 1\naws:\n- {name: a, region: r}\n- {name: a, region: s}\n";
        let error = TeamFile::parse(twice).expect_err("which is meant?");
        assert!(error.to_string().contains("'a'"), "{error}");
    }

    #[test]
    fn a_file_of_credentials_lies_beside_the_team_file_or_where_it_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("team.yaml");
        let text = "version: 1\naws:\n- {name: a, region: r, credentials: keys}\n- {name: b, region: r, credentials: /keys}\n";
        std::fs::write(&path, text).expect("written");
        let file = TeamFile::read(&path).expect("fine");
        let named: Vec<_> = file.aws.iter().map(|aws| aws.credentials.clone()).collect();
        let beside = folder.path().join("keys");
        assert_eq!(named, [Some(beside), Some(PathBuf::from("/keys"))]);
    }

    #[test]
    fn branches_are_found_however_the_repository_is_written() {
        let file =
            TeamFile::parse("version: 1\nbranches: {'https://Code.example/shop/a.git': release}\n")
                .expect("fine");
        assert_eq!(
            file.team()
                .branches
                .get("code.example/shop/a")
                .map(String::as_str),
            Some("release")
        );
    }
}
