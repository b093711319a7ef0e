//! Which changes a person wishes to see.
//!
//! Owns the matching: every typed word has to occur somewhere in the line.

use api::history::{Change, ChangeKind};

/// What narrows the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// What is typed.
    pub text: String,
    /// Only this environment. What concerns a whole cluster is shown with all of them.
    pub environment: Option<String>,
    /// Only this kind.
    pub kind: Option<ChangeKind>,
}

/// Whether a change is one of these.
pub fn fits(change: &Change, wish: &Wish) -> bool {
    if wish.kind.is_some_and(|kind| kind != change.kind) {
        return false;
    }
    if let (Some(wanted), Some(environment)) = (&wish.environment, &change.environment)
        && wanted != environment
    {
        return false;
    }
    let text = wish.text.trim().to_lowercase();
    if text.is_empty() {
        return true;
    }
    let line = line(change);
    text.split_whitespace().all(|word| line.contains(word))
}

/// Everything that a line says, in lower case.
fn line(change: &Change) -> String {
    let commits = [&change.commit, &change.release].into_iter().flatten();
    let mut parts = vec![
        change.app.clone().unwrap_or_default(),
        change.environment.clone().unwrap_or_default(),
        change.cluster.clone(),
        change.object.to_string(),
        change.by.as_ref().map_or("", |by| by.name()).to_owned(),
        change.image.clone().unwrap_or_default(),
    ];
    for commit in commits {
        parts.extend([
            commit.sha.clone(),
            commit.subject.clone(),
            commit.author.clone(),
        ]);
    }
    parts.join(" ").to_lowercase()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use api::history::By;
    use api::{ObjectRef, Sentence};
    use jiff::Timestamp;

    /// A deployment of an app to an environment.
    pub(crate) fn change(app: &str, environment: Option<&str>) -> Change {
        Change {
            id: format!("{app} {environment:?}"),
            kind: ChangeKind::Deployment,
            at: Timestamp::UNIX_EPOCH,
            at_latest: false,
            arrived: false,
            app: Some(app.to_owned()),
            environment: environment.map(str::to_owned),
            cluster: "prod-eu".to_owned(),
            object: ObjectRef::new("prod-eu", "Deployment", "shop", app),
            image: None,
            before: None,
            commit: None,
            release: None,
            by: Some(By::Commit {
                name: "Mina Osei".to_owned(),
            }),
            sentence: Sentence::default(),
            evidence: Vec::new(),
        }
    }

    fn typed(text: &str) -> Wish {
        Wish {
            text: text.to_owned(),
            ..Wish::default()
        }
    }

    #[test]
    fn every_typed_word_has_to_occur() {
        let one = change("checkout", Some("production"));
        assert!(fits(&one, &typed("")));
        assert!(fits(&one, &typed("  MINA check ")));
        assert!(!fits(&one, &typed("mina search")));
    }

    #[test]
    fn what_concerns_a_whole_cluster_is_not_hidden_by_an_environment() {
        let wish = Wish {
            environment: Some("staging".to_owned()),
            ..Wish::default()
        };
        assert!(!fits(&change("checkout", Some("production")), &wish));
        assert!(fits(&change("checkout", None), &wish));
    }

    #[test]
    fn one_kind_alone() {
        let wish = Wish {
            kind: Some(ChangeKind::Rollback),
            ..Wish::default()
        };
        assert!(!fits(&change("checkout", None), &wish));
    }
}
