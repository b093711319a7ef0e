//! Files read by a link into a repository, such as a team file and its signature.

use forge::{GitFileError, GitLink};

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
