//! What a person typed, and what it stands for.
//!
//! Owns the resolution over every repository that is known. The forms an ask may have are in `typed`, the words for
//! what names nothing in `refusal`.

mod refusal;

pub use refusal::unsure;
mod typed;

use std::collections::{BTreeMap, BTreeSet};

use api::error::Code;
use api::journey::Ask;
use facts::Reach;
use facts::code::{ResolvedBy, repository_key};
use facts::meta::Kind;

use crate::discover::Target;
use crate::environment::same;
use crate::images::{commit_word, is_hex};
use crate::view::{Gap, Learned, View};

/// What an ask stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Every app's newest commit.
    Newest,
    /// One commit.
    Commit {
        /// The key of its repository.
        key: String,
        /// Its full SHA.
        sha: String,
    },
}

/// The longest text that can stand for anything; a link is the longest of them.
const LONGEST: usize = 2_000;

/// An ask, taken apart.
pub struct Question {
    /// The repository that a link or the ask itself names.
    repository: Option<String>,
    /// What is to be resolved; empty for the newest commit.
    text: String,
    /// The app that the text names.
    app: Option<String>,
}

impl Question {
    /// The app that the text or the ask names.
    pub fn app(&self) -> Option<&str> {
        self.app.as_deref()
    }
}

/// Takes an ask apart, and finds the names in it.
pub fn question(view: &View<'_>, all: &[Target<'_>], ask: &Ask) -> Result<Question, api::Error> {
    let typed = ask.text.trim();
    if typed.len() > LONGEST {
        return Err(api::Error::new(
            Code::UnknownAsk,
            format!(
                "{} characters are no commit, branch, tag, link or app.",
                typed.chars().count()
            ),
        ));
    }
    let apps: BTreeSet<&str> = all.iter().map(|target| target.app.as_str()).collect();
    let named = ask
        .app
        .as_deref()
        .map(|name| named_app(view, all, &apps, name));
    let app = named.transpose()?.flatten();
    let (linked, text) = typed::take_apart(typed);
    let as_app = app_called(&apps, &text).filter(|_| linked.is_none());
    let repository = match linked.or_else(|| ask.repository.clone()) {
        Some(name) => Some(repository(view, all, &name, linked_text(typed))?),
        None => None,
    };
    match as_app {
        Some(name) => Ok(Question {
            repository,
            text: String::new(),
            app: app.or_else(|| Some(name.to_owned())),
        }),
        None => Ok(Question {
            repository,
            text,
            app,
        }),
    }
}

fn linked_text(typed: &str) -> bool {
    typed.contains("://")
}

/// Whether a text is one of Git's expressions, such as `3f2c1ab~1`: the commit in it is not the one that is meant.
fn is_expression(text: &str) -> bool {
    text.contains(['~', '^']) || text.contains("..") || text.contains("@{")
}

/// The app of exactly this name, else the one that differs only in case.
fn app_called<'a>(apps: &BTreeSet<&'a str>, name: &str) -> Option<&'a str> {
    apps.get(name).copied().or_else(|| {
        apps.iter()
            .find(|app| app.eq_ignore_ascii_case(name))
            .copied()
    })
}

fn named_app(
    view: &View<'_>,
    all: &[Target<'_>],
    apps: &BTreeSet<&str>,
    name: &str,
) -> Result<Option<String>, api::Error> {
    if let Some(app) = app_called(apps, name) {
        return Ok(Some(app.to_owned()));
    }
    if is_connecting(view) {
        return Ok(Some(name.to_owned()));
    }
    Err(refusal::unknown_name(
        view,
        all,
        "app",
        name,
        apps.iter().copied(),
    ))
}

/// Whether a cluster has not answered yet: names may still appear.
pub fn is_connecting(view: &View<'_>) -> bool {
    view.places()
        .any(|place| *place.reach() == Reach::Connecting)
}

/// Keeps the targets that an ask is about.
pub fn narrow<'a>(
    view: &View<'_>,
    all: &[Target<'a>],
    ask: &Ask,
    question: &Question,
) -> Result<Vec<Target<'a>>, api::Error> {
    let mut kept: Vec<Target<'a>> = all.to_vec();
    if let Some(app) = &question.app {
        kept.retain(|target| target.app == *app);
    }
    if let Some(environment) = &ask.environment {
        let known = all
            .iter()
            .any(|target| same(&target.environment, environment));
        if !known && !is_connecting(view) {
            let names: BTreeSet<&str> = all
                .iter()
                .map(|target| target.environment.as_str())
                .collect();
            return Err(refusal::unknown_name(
                view,
                all,
                "environment",
                environment,
                names.iter().copied(),
            ));
        }
        kept.retain(|target| same(&target.environment, environment));
    }
    Ok(kept)
}

/// The repositories that an ask may be about: what images are built from, and what Flux follows.
pub struct Repositories {
    /// Source repositories, by key.
    pub sources: BTreeSet<String>,
    /// GitOps repositories, by key.
    pub configuration: BTreeSet<String>,
    /// Why some are not known.
    pub gaps: Vec<Gap>,
}

impl Repositories {
    fn all(&self) -> BTreeSet<&str> {
        self.sources
            .iter()
            .chain(&self.configuration)
            .map(String::as_str)
            .collect()
    }

    fn is_pending(&self) -> bool {
        self.gaps.iter().any(|gap| gap.pending)
    }
}

/// The kinds that say which repositories Flux follows.
const FOLLOWED: [Kind; 2] = [Kind::GitRepository, Kind::OCIRepository];

/// Every repository that is known of.
pub fn repositories(view: &View<'_>, all: &[Target<'_>]) -> Repositories {
    let mut found = Repositories {
        sources: BTreeSet::new(),
        configuration: BTreeSet::new(),
        gaps: Vec::new(),
    };
    for target in all {
        match &target.source {
            Ok(Some(key)) => {
                found.sources.insert(key.clone());
            }
            Ok(None) => {}
            Err(gap) => found.gaps.push(gap.clone()),
        }
    }
    for place in view.places() {
        if !place.is_ecs() {
            let unread = FOLLOWED
                .iter()
                .filter_map(|kind| place.whole(*kind, "").err());
            found.gaps.extend(unread);
        }
        for source in place.sources() {
            let address = match source.kind {
                Kind::GitRepository => Some(source.url.as_str()),
                Kind::OCIRepository => source
                    .artifact
                    .as_ref()
                    .and_then(|artifact| artifact.origin_source.as_deref()),
                _ => None,
            };
            found
                .configuration
                .extend(address.filter(|one| !one.is_empty()).map(repository_key));
        }
    }
    found
}

/// The known repository that a person names by its address or the end of it.
fn repository(
    view: &View<'_>,
    all: &[Target<'_>],
    name: &str,
    is_link: bool,
) -> Result<String, api::Error> {
    let known = repositories(view, all);
    let key = repository_key(name);
    let end = format!("/{}", key.trim_start_matches('/'));
    let exact = known.all().into_iter().find(|one| *one == key);
    let found = exact.or_else(|| known.all().into_iter().find(|one| one.ends_with(&end)));
    if let Some(found) = found {
        return Ok(found.to_owned());
    }
    if known.is_pending() || is_connecting(view) {
        // It may turn out to be one of those whose labels are not read yet.
        return Ok(key);
    }
    let shown = api::headline::plain(&key, 120);
    if !known.gaps.is_empty() {
        return Err(refusal::unreadable(view, &[], &shown, &known.gaps));
    }
    let list: Vec<&str> = known.all().into_iter().take(50).collect();
    let message = format!("No app here is built from {shown}, and Flux does not follow it.");
    let hint = if list.is_empty() {
        "No image here says which repository it is built from: add the label \
         org.opencontainers.image.source."
            .to_owned()
    } else {
        format!("Known repositories: {}.", list.join(", "))
    };
    let code = if is_link {
        Code::UnknownAsk
    } else {
        Code::UnknownName
    };
    let error = api::Error::new(code, message).hint(hint);
    Err(unsure(view, all, error))
}

/// What the question stands for, or why that is not known yet.
pub fn meaning(
    view: &View<'_>,
    all: &[Target<'_>],
    question: &Question,
) -> Result<Learned<Meaning>, api::Error> {
    if question.text.is_empty() {
        return Ok(match &question.repository {
            None => Ok(Meaning::Newest),
            Some(key) => view.head(key).map(|head| Meaning::Commit {
                key: key.clone(),
                sha: head.to_owned(),
            }),
        });
    }
    let known = repositories(view, all);
    let keys: Vec<String> = match &question.repository {
        Some(key) => vec![key.clone()],
        None => of_app(all, question.app.as_deref())
            .unwrap_or_else(|| known.sources.clone())
            .into_iter()
            .chain(known.configuration.iter().cloned())
            .collect::<BTreeSet<String>>()
            .into_iter()
            .collect(),
    };
    let mut found = look_up(view, &keys, &question.text);
    if found.candidates.is_empty() && found.pending.is_none() {
        // An image's tag, such as main-3f2c1ab-1700000000, or a SHA in capitals.
        let word = commit_word(&question.text)
            .filter(|_| !is_expression(&question.text))
            .unwrap_or_default()
            .to_ascii_lowercase();
        if !word.is_empty() && word != question.text {
            found = look_up(view, &keys, &word);
        }
    }
    let LookedUp {
        mut candidates,
        pending,
        mut unread,
    } = found;
    let whole = question.text.len() == 40 && is_hex(&question.text);
    if candidates.len() == 1
        && (whole || pending.is_none())
        && let Some(((key, sha), _)) = candidates.pop_first()
    {
        return Ok(Ok(Meaning::Commit { key, sha }));
    }
    if let Some(gap) = pending {
        return Ok(Err(gap));
    }
    if !candidates.is_empty() {
        return Err(refusal::ambiguous(view, &question.text, &candidates));
    }
    if question.repository.is_none()
        && let Some(gap) = known.gaps.iter().find(|gap| gap.pending)
    {
        return Ok(Err(gap.clone()));
    }
    if is_connecting(view) {
        return Ok(Err(Gap::new("a cluster has not answered yet")));
    }
    let narrowed = question.repository.is_some() || question.app.is_some();
    let others: Vec<String> = known
        .all()
        .into_iter()
        .filter(|key| narrowed && !keys.iter().any(|one| one == key))
        .map(str::to_owned)
        .collect();
    let elsewhere = look_up(view, &others, &question.text);
    if !elsewhere.candidates.is_empty() {
        let of_app = of_app(all, question.app()).unwrap_or_default();
        let asked = match (&question.repository, of_app.first()) {
            (Some(key), _) => key,
            (None, Some(key)) => key,
            (None, None) => question.app().unwrap_or_default(),
        };
        let text = &question.text;
        return Err(refusal::elsewhere(text, &elsewhere.candidates, asked));
    }
    if let Some(gap) = elsewhere.pending {
        return Ok(Err(gap));
    }
    unread.extend(known.gaps);
    Err(refusal::unknown(view, all, question, &keys, &unread))
}

/// What a text stands for in several repositories.
struct LookedUp {
    /// Commits, by repository and SHA, and how the text names them.
    candidates: BTreeMap<(String, String), Vec<ResolvedBy>>,
    /// Set while a repository has not said.
    pending: Option<Gap>,
    /// Why others cannot say.
    unread: Vec<Gap>,
}

fn look_up(view: &View<'_>, keys: &[String], text: &str) -> LookedUp {
    let mut looked = LookedUp {
        candidates: BTreeMap::new(),
        pending: None,
        unread: Vec::new(),
    };
    for key in keys {
        match view.resolve(key, text) {
            Ok(found) => {
                for one in found {
                    looked
                        .candidates
                        .entry((key.clone(), one.sha.clone()))
                        .or_default()
                        .push(one.by.clone());
                }
            }
            Err(gap) if gap.pending => looked.pending = Some(gap),
            Err(gap) => looked.unread.push(gap),
        }
    }
    looked
}

/// The repositories of one app.
fn of_app(all: &[Target<'_>], app: Option<&str>) -> Option<BTreeSet<String>> {
    let app = app?;
    let keys: BTreeSet<String> = all
        .iter()
        .filter(|target| target.app == app)
        .filter_map(|target| target.source.clone().ok().flatten())
        .collect();
    Some(keys)
}
