//! A team's actions beside those that ship: pinned, broken, out of reach.

use std::time::Duration;

use super::*;

const OWN: &str = "version: 1\nid: flush\ntitle: Flush\nabout: Empties it.\nroles: [sre]\n\
                   on: {kinds: [Pod]}\nsteps: [deletePod: {}]\nundo: {not: It is empty.}\n";

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("written");
    }
}

fn trying(folder: &Path) -> Shelf {
    Shelf::of_folders(vec![folder.to_owned()])
}

/// A shelf with one folder in Git, whose code host is nobody: this machine's first port.
fn of_team(pin: &str, cache: &Path) -> Shelf {
    let text =
        format!("version: 1\nactions: ['https://127.0.0.1:1/shop/deploy//team?ref={pin}']\n");
    let file = TeamFile::of_text(&text, "here").expect("a team file");
    let forge = Forge::new(forge::Config {
        code_hosts: Vec::new(),
        registries: Vec::new(),
        cache: cache.to_owned(),
        fresh_for: Duration::ZERO,
    });
    Shelf::new(Vec::new(), &file, &forge.expect("a forge"), cache)
}

fn ids(stock: &Stock) -> Vec<String> {
    let actions = stock.library.actions();
    actions.map(|action| action.id.clone()).collect()
}

fn shipped() -> Vec<String> {
    let shipped = Library::shipped().expect("it ships");
    shipped.actions().map(|action| action.id.clone()).collect()
}

#[tokio::test]
async fn a_broken_file_in_a_folder_hid_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = OWN.replace("flush", "restart");
    let broken = OWN.replace("flush", "other").replace("[sre]", "[]");
    write(
        folder.path(),
        &[
            ("flush.yaml", OWN),
            ("other.yaml", &broken),
            ("taken.yaml", &taken),
        ],
    );
    let stock = trying(folder.path()).stock().await.expect("what ships");
    let mut wanted = shipped();
    wanted.push("flush".to_owned());
    assert_eq!(ids(&stock), wanted);
    let [one, other] = stock.unusable.as_slice() else {
        panic!("{:?}", stock.unusable)
    };
    assert!(one.contains("other.yaml:5:8: roles: "), "{one}");
    let taken = "taken.yaml:2:5: id: \"restart\" is “Restart”, which ships with Landfall: “Flush”";
    assert!(other.contains(taken), "{other}");
    let why = stock.no_action("other");
    assert!(
        why.hint.contains("flush") && why.hint.contains("other.yaml:5:8"),
        "{why:?}"
    );
}

#[tokio::test]
async fn a_file_that_was_edited_was_the_action_that_it_had_been() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &[("flush.yaml", OWN)]);
    let shelf = trying(folder.path());
    let about = |stock: Stock| stock.library.action("flush").map(|one| one.about.clone());
    let before = about(shelf.stock_for("flush").await.expect("what ships"));
    assert_eq!(before.as_deref(), Some("Empties it."));
    write(
        folder.path(),
        &[("flush.yaml", &OWN.replace("Empties", "Fills"))],
    );
    let after = about(shelf.stock_for("flush").await.expect("what ships"));
    assert_eq!(after.as_deref(), Some("Fills it."));
    std::fs::remove_file(folder.path().join("flush.yaml")).expect("removed");
    assert_eq!(about(shelf.stock_now().expect("what ships")), None);
}

#[tokio::test]
async fn without_its_code_host_a_team_had_no_actions_at_all() {
    let cache = tempfile::tempdir().expect("a folder");
    let stock = of_team("v1", cache.path())
        .stock()
        .await
        .expect("what ships");
    assert_eq!(ids(&stock), shipped());
    let [why] = stock.unusable.as_slice() else {
        panic!("{:?}", stock.unusable)
    };
    let says = "the team's actions in 127.0.0.1:1/shop/deploy//team cannot be read: ";
    assert!(why.starts_with(says), "{why}");
    assert_eq!(stock.out_of_reach, stock.unusable);
}

#[tokio::test]
async fn what_was_read_at_a_pin_is_here_without_its_code_host_and_at_no_other_pin() {
    let cache = tempfile::tempdir().expect("a folder");
    let shelf = of_team("v1", cache.path());
    let file = |name: &str, text: Result<&str, &str>| {
        let text = text.map(str::to_owned).map_err(str::to_owned);
        serde_json::json!({ "name": name, "text": text })
    };
    let kept = serde_json::json!({
        "from": "https://127.0.0.1:1/shop/deploy//team?ref=v1",
        "commit": "0123456789012345678901234567890123456789",
        "files": [file("flush.yaml", Ok(OWN)), file("large.yaml", Err("it is larger than 256 KiB"))],
    });
    let folder = cache.path().join("actions");
    std::fs::create_dir_all(&folder).expect("made");
    let place = shelf.pinned[0].cache_file();
    std::fs::write(place, kept.to_string()).expect("written");
    let stock = shelf.stock().await.expect("what ships");
    assert!(stock.library.action("flush").is_some());
    let named = stock.library.own_file("flush");
    assert_eq!(named, Some("127.0.0.1:1/shop/deploy//team/flush.yaml"));
    assert_eq!(
        stock.unusable,
        ["127.0.0.1:1/shop/deploy//team/large.yaml: it is larger than 256 KiB"]
    );
    // The same copy under another pin's name is none of that pin's.
    let other = of_team("v2", cache.path());
    std::fs::copy(place, other.pinned[0].cache_file()).expect("copied");
    let stock = other.stock().await.expect("what ships");
    assert_eq!(ids(&stock), shipped());
    assert_eq!(stock.unusable.len(), 1, "{:?}", stock.unusable);
}
