//! Files read by a link into a repository, such as a team file and its signature.

use forge::{FileAt, FolderAt, GitFileError, GitLink};

use super::*;

async fn read(link: &str, paths: &[&str]) -> Result<Vec<Option<String>>, GitFileError> {
    let cache = tempfile::tempdir().unwrap();
    let link = GitLink::parse(&link.parse().unwrap()).unwrap();
    link.read(paths, cache.path().to_owned()).await
}

#[tokio::test]
async fn a_link_reads_files_of_one_commit_on_the_branch_that_it_names() {
    let server = Server::start().await;
    let work = server.repository("shop/deploy");
    work.commit("First", &[("team/landfall.yaml", "old")]);
    work.git(&["tag", "v1"]);
    work.commit(
        "Second",
        &[
            ("team/landfall.yaml", "new"),
            ("team/landfall.yaml.minisig", "signed"),
        ],
    );
    work.push();
    let files = ["team/landfall.yaml", "team/landfall.yaml.minisig"];
    let link = |rest: &str| format!("{}/shop/deploy//team/landfall.yaml{rest}", server.url);
    let some = |text: &str| Some(text.to_owned());
    for rest in ["", "?ref=main"] {
        assert_eq!(
            read(&link(rest), &files).await.unwrap(),
            [some("new"), some("signed")]
        );
    }
    assert_eq!(
        read(&link("?ref=v1"), &files).await.unwrap(),
        [some("old"), None]
    );
    // A folder is no file.
    assert_eq!(read(&link(""), &["team", ""]).await.unwrap(), [None, None]);
    let gone = read(&link("?ref=gone"), &files).await.unwrap_err();
    assert!(
        gone.to_string().contains("no branch or tag 'gone'"),
        "{gone}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_of_a_link_is_said() {
    let server = Server::start().await;
    let work = server.repository("shop/deploy");
    work.commit("Large", &[("large.yaml", &"x".repeat((1 << 20) + 1))]);
    work.push();
    let link = |path: &str| format!("{}/shop/{path}", server.url);
    let large = read(&link("deploy//large.yaml"), &["large.yaml"])
        .await
        .unwrap_err();
    assert!(
        matches!(&large, GitFileError::Else(why) if why.contains("1048576")),
        "{large}"
    );
    let other = read(&link("other//landfall.yaml"), &["landfall.yaml"])
        .await
        .unwrap_err();
    assert!(!matches!(other, GitFileError::Unreachable(_)), "{other}");
    server.seen.status.store(503, Ordering::SeqCst);
    let down = read(&link("deploy//large.yaml"), &["large.yaml"])
        .await
        .unwrap_err();
    assert!(matches!(down, GitFileError::Unreachable(_)), "{down:?}");
    let plain = read(
        "http://code.example/shop//landfall.yaml",
        &["landfall.yaml"],
    )
    .await;
    assert!(plain.unwrap_err().to_string().contains("https"));
}

/// A folder of the shop's deploy repository, as the forge of a console reads it.
async fn folder(server: &Server, cache: &Path, rest: &str) -> Result<FolderAt, GitFileError> {
    let link = format!("https://{HOST}/shop/deploy//{rest}");
    let link = GitLink::parse(&link.parse().unwrap()).unwrap();
    let reader = Reader::new(server, cache);
    reader.forge.folder(&link, &[".yaml", ".yml"], 16).await
}

#[tokio::test]
async fn a_folder_is_read_at_what_pins_it_and_at_no_branch() {
    let server = Server::start().await;
    let cache = tempfile::tempdir().unwrap();
    let work = server.repository("shop/deploy");
    let first = work.commit(
        "First",
        &[
            ("actions/b.yml", "b"),
            ("actions/a.yaml", "a"),
            ("actions/large.yaml", "more than sixteen bytes"),
            ("actions/notes.md", "no action"),
            ("actions/tests/a/case.yaml", "a case"),
        ],
    );
    work.git(&["tag", "v1"]);
    work.commit("Second", &[("actions/a.yaml", "changed")]);
    work.push();
    let file = |name: &str, text: Option<&str>| FileAt {
        name: name.to_owned(),
        bytes: text.map(|text| text.as_bytes().to_vec()),
    };
    let wanted = [
        file("a.yaml", Some("a")),
        file("b.yml", Some("b")),
        file("large.yaml", None),
    ];
    for pin in ["v1", first.as_str()] {
        for path in ["actions", "actions/"] {
            let rest = format!("{path}?ref={pin}");
            let read = folder(&server, cache.path(), &rest).await.unwrap();
            assert_eq!(
                (read.commit.as_str(), read.files.as_slice()),
                (first.as_str(), &wanted[..])
            );
        }
    }
    for (rest, says) in [
        ("actions?ref=main", "'main' is a branch"),
        ("actions?ref=gone", "no commit or tag 'gone'"),
        ("actions", "no commit or tag"),
        (
            &format!("actions?ref={}", "0".repeat(40)),
            "no commit or tag '0000",
        ),
        ("actions/a.yaml?ref=v1", "no folder actions/a.yaml at v1"),
        ("other?ref=v1", "no folder other at v1"),
    ] {
        let why = folder(&server, cache.path(), rest).await.unwrap_err();
        assert!(why.to_string().contains(says), "{rest}: {why}");
    }
    // The host is away, and what is pinned stands in the copy.
    server.seen.status.store(503, Ordering::SeqCst);
    let read = folder(&server, cache.path(), "actions?ref=v1")
        .await
        .unwrap();
    assert_eq!(read.commit, first);
}
