//! The actions that fit a cause in the terminal: a line each that a person may copy, or why it is not for them.
//!
//! Owns that nothing foreign becomes a word of a shell: what is not plain is quoted, and what no quotes hold is left out.

use api::ObjectRef;
use api::journey::Act;

use super::foreign;

/// The longest name that is printed as a word to copy, in characters.
const LONGEST: usize = 253;

/// A line for each action.
pub fn lines(acts: &[Act]) -> impl Iterator<Item = String> + '_ {
    acts.iter().map(|act| match &act.greyed {
        Some(why) => foreign(why, 300),
        None => command(act).unwrap_or_else(|| {
            // Its name cannot be typed as it is: what can be done is said all the same.
            let (title, object) = (
                foreign(&act.title, 60),
                foreign(&act.object.to_string(), 160),
            );
            format!("{title} {object}")
        }),
    })
}

/// `landfall run resume Kustomization/flux-system/shop --cluster prod-eu`
fn command(act: &Act) -> Option<String> {
    let ObjectRef {
        system,
        kind,
        namespace,
        name,
    } = &act.object;
    let object = word(&format!("{kind}/{namespace}/{name}"))?;
    let mut line = format!(
        "landfall run {} {object} --cluster {}",
        word(&act.action)?,
        word(system)?
    );
    // What cannot be said here is asked for there.
    for (name, value) in &act.inputs {
        if let Some(said) = word(&format!("{name}={value}")) {
            line.push_str(" --input ");
            line.push_str(&said);
        }
    }
    Some(line)
}

/// A text as one word of a POSIX shell, if it is one line of printable characters.
fn word(text: &str) -> Option<String> {
    if text.is_empty() || foreign(text, LONGEST) != text || text.starts_with('-') {
        return None;
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@=+,".contains(letter);
    match text.chars().all(is_plain) {
        true => Some(text.to_owned()),
        false => Some(format!("'{}'", text.replace('\'', "'\\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(object: ObjectRef, to: Option<&str>) -> Act {
        Act {
            action: "promote".to_owned(),
            title: "Promote".to_owned(),
            object,
            inputs: to
                .map(|to| ("to".to_owned(), to.to_owned()))
                .into_iter()
                .collect(),
            greyed: None,
        }
    }

    fn said(act: Act) -> String {
        lines(&[act]).collect()
    }

    #[test]
    fn what_can_be_done_is_a_line_to_copy() {
        let object = ObjectRef::new("prod-eu", "Deployment", "shop", "checkout");
        assert_eq!(
            said(act(object.clone(), Some("1.4.2"))),
            "landfall run promote Deployment/shop/checkout --cluster prod-eu --input to=1.4.2"
        );
        let mut greyed = act(object, None);
        greyed.greyed = Some("Promote is for sre; you are support".to_owned());
        assert_eq!(said(greyed), "Promote is for sre; you are support");
    }

    #[test]
    fn a_name_from_a_cluster_was_a_command_to_whoever_copied_the_line() {
        let object = ObjectRef::new("it's $(here)", "Deployment", "shop", "checkout");
        assert_eq!(
            said(act(object, Some("a; rm -rf ~"))),
            "landfall run promote Deployment/shop/checkout --cluster 'it'\\''s $(here)' --input 'to=a; rm -rf ~'"
        );
        let object = ObjectRef::new("prod", "Deployment", "shop", "checkout\u{1b}[2J\nlandfall");
        let said = said(act(object, None));
        assert!(!said.chars().any(char::is_control), "{said:?}");
        assert!(!said.starts_with("landfall run"), "{said}");
        let object = ObjectRef::new("--yes", "Deployment", "shop", "checkout");
        let said = lines(&[act(object, None)]).collect::<String>();
        assert!(!said.contains("--yes"), "{said}");
    }

    #[test]
    fn an_input_that_no_line_can_hold_is_left_to_be_asked_for() {
        let object = ObjectRef::new("prod", "Deployment", "shop", "checkout");
        assert_eq!(
            said(act(object, Some("1\n2"))),
            "landfall run promote Deployment/shop/checkout --cluster prod"
        );
    }
}
