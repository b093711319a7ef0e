//! Edits of small files that are written down here, and of many that are made up.

use super::*;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "sha256:ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// An image as it is declared.
fn image(repository: &str, tag: &str, digest: &str, line: u32) -> DeclaredImage {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    DeclaredImage {
        repository: repository.to_owned(),
        tag: text(tag),
        digest: text(digest),
        file: "f.yaml".to_owned(),
        line,
        marker: None,
    }
}

fn found(text: &str, image: DeclaredImage) -> Result<Vec<Place>, EditError> {
    let wanted = Wanted::Image(image.repository.clone());
    let declared = Declared {
        images: vec![image],
        ..Declared::default()
    };
    let texts = BTreeMap::from([("f.yaml".to_owned(), text.to_owned())]);
    places(&declared, &texts, &wanted)
}

/// The one place of an image.
fn one(text: &str, image: DeclaredImage) -> Place {
    let mut found = found(text, image).expect("a place");
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn edited(text: &str, image: DeclaredImage, new: &str) -> Result<String, EditError> {
    edit(text, &one(text, image), new)
}

const API: &str = "ghcr.io/shop/api";

#[test]
fn a_kustomize_tag_changes_and_nothing_around_it_does() {
    let text = "# who\nimages: # all of them\n  - name: ghcr.io/shop/api\n    newTag:   'v1'   # {\"$imagepolicy\": \"flux-system:api:tag\"}\n  - name: b\n    newTag: v1\n";
    assert_eq!(
        edited(text, image(API, "v1", "", 4), "v2").as_deref(),
        Ok(text.replacen("'v1'", "'v2'", 1).as_str())
    );
}

#[test]
fn an_image_keeps_its_name_and_loses_a_digest_that_is_of_another_tag() {
    let text = format!("kind: Deployment\nspec: {{image: ghcr.io/shop/api:v1@{DIGEST}}}\n");
    let declared = || image(API, "v1", DIGEST, 2);
    let after = |new: &str| edited(&text, declared(), new).unwrap();
    assert!(after("v2").contains("{image: ghcr.io/shop/api:v2}"));
    assert!(after(OTHER).contains(&format!("{{image: ghcr.io/shop/api@{OTHER}}}")));
    let both = format!("v2@{OTHER}");
    assert!(after(&both).contains(&format!("{{image: ghcr.io/shop/api:{both}}}")));
}

#[test]
fn a_tag_that_looked_like_a_number_became_one() {
    let text = "images:\n- name: ghcr.io/shop/api\n  newTag: v1\n";
    for (new, token) in [
        ("1.20", "\"1.20\""),
        ("12e5678", "\"12e5678\""),
        ("20260101", "\"20260101\""),
        ("2026-01-01", "\"2026-01-01\""),
        ("0x1F", "\"0x1F\""),
        ("true", "\"true\""),
        ("No", "\"No\""),
        ("_1", "\"_1\""),
        ("1.2.3", "1.2.3"),
        ("main-12", "main-12"),
    ] {
        let after = edited(text, image(API, "v1", "", 3), new).unwrap();
        assert_eq!(after, text.replace("v1", token), "{new}");
    }
}

#[test]
fn what_is_no_value_of_the_place_is_refused_before_anything() {
    let text = "images:\n- name: ghcr.io/shop/api\n  newTag: v1\n";
    let mut place = one(text, image(API, "v1", "", 3));
    let hostile = [
        "",
        " ",
        "v 2",
        "v2 ",
        "v2\n",
        "v2\nkind: Secret",
        "\"v2\"",
        "'v2",
        "v2'",
        "{v2}",
        "[v2",
        "$(id)",
        "${TAG}",
        "{{ .Tag }}",
        "v2 # no",
        "#v2",
        "a: b",
        "a:b",
        "&v2",
        "*v2",
        "!v2",
        "|",
        ">",
        "%v2",
        "@v2",
        "`v2`",
        "../v2",
        "-v2",
        ".v2",
        "v2\u{0}",
        "v2\u{85}",
        "v2\u{2028}",
        "é",
        "v2@",
        "sha256:12",
        &"v".repeat(129),
    ];
    for form in [
        Form::Tag,
        Form::Digest,
        Form::Image,
        Form::ChartVersion,
        Form::SourceTag,
        Form::SourceDigest,
        Form::SourceRange,
    ] {
        place.form = form;
        for new in hostile {
            let refused = edit(text, &place, new);
            assert!(
                matches!(refused, Err(EditError::NoValue { .. })),
                "{form:?} {new:?}: {refused:?}"
            );
        }
    }
}

#[test]
fn versions_and_ranges_are_told_from_other_words() {
    let text = "spec:\n  ref:\n    semver: '1.x'\n";
    let declared = Declared {
        sources: vec![DeclaredSource {
            name: "api".to_owned(),
            url: "oci://ghcr.io/shop/api".to_owned(),
            form: Form::SourceRange,
            value: "1.x".to_owned(),
            file: "f.yaml".to_owned(),
            line: 3,
        }],
        ..Declared::default()
    };
    let texts = BTreeMap::from([("f.yaml".to_owned(), text.to_owned())]);
    let wanted = Wanted::Source("api".to_owned());
    let place = places(&declared, &texts, &wanted).unwrap().remove(0);
    for new in [
        "1.2.3",
        "v1.2.3-rc.1+b",
        ">=1.0.0 <2.0.0",
        ">= 1.0.0, < 2",
        "^1.2",
        "~1",
        "1.0 - 2.0",
        "*",
        "1.x || >=3",
    ] {
        assert_eq!(
            edit(text, &place, new).as_deref(),
            Ok(text.replace("1.x", new).as_str()),
            "{new}"
        );
    }
    for new in [
        "latest", "1.2.3.4", ">=", "1.0 -", "- 1.0", "||", "1..2", ">>>1", "1.0-",
    ] {
        assert!(edit(text, &place, new).is_err(), "{new}");
    }
}

#[test]
fn a_charts_version_is_found_by_its_release() {
    let text = "kind: HelmRelease\nspec: {chart: {spec: {chart: api, version: \"1.2.3\"}}}\n";
    let declared = Declared {
        charts: vec![DeclaredChart {
            release: "api".to_owned(),
            version: "1.2.3".to_owned(),
            file: "f.yaml".to_owned(),
            line: 2,
        }],
        ..Declared::default()
    };
    let texts = BTreeMap::from([("f.yaml".to_owned(), text.to_owned())]);
    let found = |name: &str| places(&declared, &texts, &Wanted::Chart(name.to_owned())).unwrap();
    assert_eq!(found("other"), []);
    assert_eq!(
        edit(text, &found("api")[0], "1.3.0").as_deref(),
        Ok(text.replace("1.2.3", "1.3.0").as_str())
    );
}

#[test]
fn line_ends_marks_and_anchors_nobody_uses_stay() {
    let text = "\u{feff}# é\r\nimages:\r\n- name: ghcr.io/shop/api\r\n  newTag: &tag !!str \"v1\" # é v1\r\n- name: x\r\n  newTag: v1";
    assert_eq!(
        edited(text, image(API, "v1", "", 4), "v2").as_deref(),
        Ok(text.replacen("\"v1\"", "\"v2\"", 1).as_str())
    );
}

#[test]
fn an_anchor_that_is_used_elsewhere_is_refused_with_its_line() {
    let text = "a: &t v1\nimages:\n- name: x\n  newTag: &u v1\nb: *u\nc: &m\n  image: ghcr.io/shop/api:v3\nd: {<<: *m}\n";
    assert_eq!(
        edited(text, image(API, "v1", "", 4), "v2"),
        Err(EditError::Shared {
            file: "f.yaml".to_owned(),
            line: 4,
            used: 5
        })
    );
    let refused = edited(text, image(API, "v3", "", 7), "v2").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "line 7 of f.yaml stands under an anchor that line 8 uses too: changing it would change both"
    );
}

#[test]
fn a_value_that_is_filled_in_from_elsewhere_is_refused() {
    let text = "spec:\n  image: ghcr.io/shop/api:${TAG:=v1}\n";
    let place = Place {
        file: "f.yaml".to_owned(),
        line: 2,
        document: 0,
        path: vec![Step::Key("spec".to_owned()), Step::Key("image".to_owned())],
        form: Form::Image,
        value: "ghcr.io/shop/api:${TAG:=v1}".to_owned(),
        marker: None,
    };
    let refused = edit(text, &place, "v2").unwrap_err();
    assert!(
        matches!(refused, EditError::Template { line: 2, .. }),
        "{refused}"
    );
}

#[test]
fn what_has_moved_or_changed_is_not_written_over() {
    let text = "images:\n- name: ghcr.io/shop/api\n  newTag: v1\n";
    let place = one(text, image(API, "v1", "", 3));
    for now in [
        "# new\nimages:\n- name: ghcr.io/shop/api\n  newTag: v1\n",
        "images:\n- name: ghcr.io/shop/api\n  newTag: v3\n",
        "images: []\n",
        "---\n---\nimages:\n- name: ghcr.io/shop/api\n  newTag: v1\n",
    ] {
        let refused = edit(now, &place, "v2");
        assert!(
            matches!(refused, Err(EditError::Moved { .. })),
            "{now}: {refused:?}"
        );
    }
    assert!(matches!(
        edit("a: [", &place, "v2"),
        Err(EditError::NotYaml { .. })
    ));
}

#[test]
fn the_second_document_of_a_file_is_another_one() {
    let text = "image: ghcr.io/shop/api:v1\n---\nimage: ghcr.io/shop/api:v1\n---\nx: 1\n";
    assert_eq!(
        edited(text, image(API, "v1", "", 3), "v2").as_deref(),
        Ok("image: ghcr.io/shop/api:v1\n---\nimage: ghcr.io/shop/api:v2\n---\nx: 1\n")
    );
}

#[test]
fn a_tag_and_the_digest_beside_it_are_two_places_that_change_together() {
    let text = format!("images:\n- name: ghcr.io/shop/api\n  digest: {DIGEST}\n  newTag: v1\n");
    let places = found(&text, image(API, "v1", DIGEST, 4)).unwrap();
    let forms: Vec<_> = places
        .iter()
        .map(|place| (place.line, place.form))
        .collect();
    assert_eq!(forms, [(3, Form::Digest), (4, Form::Tag)]);
    let after = edit(&text, &places[0], OTHER).unwrap();
    let after = edit(&after, &places[1], "v2").unwrap();
    assert_eq!(after, text.replace(DIGEST, OTHER).replace("v1", "v2"));
}

#[test]
fn of_several_images_on_one_line_the_right_one_is_meant() {
    let text =
        "images: [{name: ghcr.io/shop/web, newTag: v1}, {name: ghcr.io/shop/api, newTag: v1}]\n";
    assert_eq!(
        edited(text, image(API, "v1", "", 1), "v2").as_deref(),
        Ok(
            "images: [{name: ghcr.io/shop/web, newTag: v1}, {name: ghcr.io/shop/api, newTag: v2}]\n"
        )
    );
    let text = "a: [{image: x:v1}, {image: x:v1}]\n";
    let refused = found(text, image("docker.io/library/x", "v1", "", 1));
    assert!(
        matches!(refused, Err(EditError::Ambiguous { .. })),
        "{refused:?}"
    );
}

#[test]
fn helm_values_have_their_tag_beside_the_repository() {
    let text = "spec:\n  values:\n    image:\n      repository: shop/api\n      tag: \"v1\" # keep\n    sidecar:\n      image: {registry: ghcr.io, repository: shop/api, tag: v1}\n";
    let place = one(text, image("ghcr.io/shop/api", "v1", "", 7));
    assert_eq!(
        edit(text, &place, "v2").as_deref(),
        Ok(text.replace(", tag: v1", ", tag: v2").as_str())
    );
    assert_eq!(
        edited(text, image("docker.io/shop/api", "v1", "", 5), "v2").as_deref(),
        Ok(text.replace("\"v1\"", "\"v2\"").as_str())
    );
}

#[test]
fn a_patch_in_a_block_of_text_changes_in_place() {
    let text = "patches:\n  - patch: |-\n      # é\n      - op: replace\n        path: /spec/template/spec/containers/0/image\n        value: ghcr.io/shop/api:v1 # now\n    target: {kind: Deployment}\n  - patch: |\n      kind: Deployment\n      spec: {image: 'ghcr.io/shop/api:v1'}\n";
    let place = one(text, image(API, "v1", "", 6));
    assert!(place.path.contains(&Step::Text(0)), "{place:?}");
    assert_eq!(
        edit(text, &place, "v2").as_deref(),
        Ok(text.replace("v1 # now", "v2 # now").as_str())
    );
    assert_eq!(
        edited(text, image(API, "v1", "", 10), "v2").as_deref(),
        Ok(text.replace("v1'", "v2'").as_str())
    );
}

#[test]
fn a_folded_block_and_a_text_with_escapes_are_refused() {
    let text = "patches:\n- patch: >\n    a: 1\n    image: ghcr.io/shop/api:v1\nx: 1\n";
    let refused = found(text, image(API, "v1", "", 4));
    assert!(
        matches!(refused, Err(EditError::Block { line: 4, .. })),
        "{refused:?}"
    );
    let text = "images:\n- name: ghcr.io/shop/api\n  newTag: \"v\\x31\"\n";
    let refused = edited(text, image(API, "v1", "", 3), "v2");
    assert!(
        matches!(refused, Err(EditError::Folded { line: 3, .. })),
        "{refused:?}"
    );
}

/// Numbers that are the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.next(of.len())]
    }
}

/// A made-up file with exactly one tag `@@` of ours in it, and the line that it stands on.
fn made_up(dice: &mut Dice) -> (String, u32) {
    let end = dice.pick(&["\n", "\r\n"]).to_owned();
    let mut lines: Vec<String> = Vec::new();
    let ours = dice.next(6);
    for number in 0..6 {
        for _ in 0..dice.next(3) {
            let noise = dice.pick(&[
                "# newTag: v1",
                "",
                "    # é {\"$imagepolicy\": \"a:b\"}",
                "---",
            ]);
            // A document may only begin between two of them.
            lines.push(noise.to_owned());
        }
        let quote = dice.pick(&["", "'", "\""]);
        let tag = if number == ours { "@@" } else { "v1" };
        let name = if number == ours {
            API.to_owned()
        } else {
            format!("other/{number}")
        };
        let comment = dice.pick(&[
            "",
            " # é",
            "   # {\"$imagepolicy\": \"flux-system:api:tag\"}",
            " ",
        ]);
        let anchor = dice.pick(&["", "", "&a "]);
        let key = format!("i{number}");
        match dice.next(4) {
            0 => {
                lines.push(format!("{key}:"));
                lines.push(format!("- name: {name}"));
                lines.push(format!("  newTag: {anchor}{quote}{tag}{quote}{comment}"));
            }
            1 => lines.push(format!(
                "{key}: {{name: {name}, newTag: {anchor}{quote}{tag}{quote} , x: \"}} v1\"}}{comment}"
            )),
            2 => {
                lines.push(format!("{key}: # values"));
                lines.push(format!("    repository:   {name}"));
                lines.push(format!("    tag:   {anchor}{quote}{tag}{quote}{comment}"));
            }
            _ => {
                lines.push(format!("{key}: |"));
                lines.push("  # é".to_owned());
                lines.push(String::new());
                lines.push(format!("  repository: {name}"));
                lines.push(format!("  tag: {quote}{tag}{quote}{comment}"));
            }
        }
    }
    let line = lines.iter().position(|line| line.contains("@@")).unwrap();
    let mark = dice.pick(&["", "\u{feff}"]);
    let last = dice.pick(&["", "\n"]);
    let text = format!("{mark}{}{last}", lines.join(&end));
    (text, u32::try_from(line + 1).unwrap())
}

#[test]
fn in_files_that_are_made_up_only_the_value_changes() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..3_000 {
        let (text, line) = made_up(&mut dice);
        let old = dice.pick(&["v1", "1.2.3", "main-abc.1"]);
        let new = dice.pick(&["v2", "10.20.30", "release_1"]);
        let before = text.replace("@@", old);
        let after = edited(&before, image(API, old, "", line), new)
            .unwrap_or_else(|why| panic!("{round}: {why}\n{before}"));
        assert_eq!(after, text.replace("@@", new), "{round}");
        assert_eq!(
            the_one_difference(&before, &after),
            Some((old.to_owned(), new.to_owned())),
            "{round}"
        );
    }
}

#[test]
fn more_than_one_difference_is_seen() {
    let one = |before: &str, after: &str| the_one_difference(before, after);
    assert_eq!(
        one("a: 1\nb: 2\n", "a: 1\nb: 3\n"),
        Some(("2".to_owned(), "3".to_owned()))
    );
    for (before, after) in [
        ("a: 1\n", "a: 1\n"),
        ("a: 1\nb: 2\n", "a: 2\nb: 3\n"),
        ("a: 1\n", "a: 1\nb: 1\n"),
        ("a: 1\n", "b: 2\n"),
        ("a: &x 1\n", "a: 2\n"),
        ("a: 1\n", "a: !!str 2\n"),
        ("a: |\n  b: 1\n  c: 1\n", "a: |\n  b: 2\n  c: 2\n"),
        ("a: |\n  b: 1\n", "a: |\n  b: [\n"),
    ] {
        assert_eq!(one(before, after), None, "{before:?} {after:?}");
    }
}
