//! Tests only: an image that neither Git nor values name, because the chart chooses it.

use facts::code::DeclaredChart;
use facts::flux::HelmRelease;
use facts::kubernetes::{Edited, Workload};

use super::*;

const SEARCH: &str = "search";
const VERSION: &str = "2.4.1";

/// Commit 4 is built; production's chart names commit 3, and Git names the chart's version.
fn chosen(change: impl FnOnce(&mut HelmRelease, &mut Workload, &mut Vec<DeclaredChart>)) -> World {
    let mut world = pushed();
    let path = path(SEARCH, PROD);
    let named = DeclaredChart {
        release: SEARCH.to_owned(),
        version: VERSION.to_owned(),
        file: format!("{path}/release.yaml"),
        line: 9,
    };
    let mut charts = vec![named];
    world.edit(PROD, |facts| {
        let helm = facts.helm_releases.get_mut(&key("shop", SEARCH)).unwrap();
        helm.images.clear();
        helm.chart_version = Some(VERSION.to_owned());
        helm.source = Some(reference("HelmRepository", "shop", "charts"));
        let workload = &mut facts.workloads;
        let workload = workload.get_mut(&(Kind::Deployment, key("shop", SEARCH)));
        change(helm, workload.unwrap(), &mut charts);
    });
    let declared = &mut world.repo(FLEET).declared;
    let history = declared.get_mut(&("main".to_owned(), path)).unwrap();
    history
        .entries
        .iter_mut()
        .for_each(|one| one.images.clear());
    history.charts = charts;
    world
}

fn said(world: &World) -> (State, String) {
    let journey = one(world, &sha(SEARCH, 4), SEARCH, PROD);
    (journey.state, read_aloud(world, &journey.headline))
}

#[test]
fn a_pinned_chart_that_names_an_older_image_was_not_known() {
    let (state, said) = said(&chosen(|_, _, _| {}));
    assert_eq!(state, State::NeedsPromotion);
    assert!(said.ends_with("a person has to change the chart's version in File shop/fleet/apps/production/search/release.yaml."), "{said}");
}

#[test]
fn what_a_chart_would_choose_next_is_not_made_up() {
    for world in [
        chosen(|helm, _, _| helm.chart_version = Some("2.4.x".to_owned())),
        chosen(|helm, _, _| helm.history[0].status = "failed".to_owned()),
        chosen(|helm, _, _| helm.history[0].chart_version = "2.4.0".to_owned()),
        chosen(|helm, _, _| helm.observed_generation = helm.meta.generation - 1),
        // It is packed from a folder, whose content may change under the same version.
        chosen(|helm, _, _| helm.source = Some(reference("GitRepository", "flux-system", "fleet"))),
        // Git names another version, or does not say which it is.
        chosen(|_, _, charts| charts[0].version = "2.5.0".to_owned()),
        chosen(|_, _, charts| charts.push(charts[0].clone())),
        chosen(|_, _, charts| charts.clear()),
    ] {
        let (state, said) = said(&world);
        assert_eq!(state, State::Unknown, "{said}");
        assert!(said.contains("its chart chooses it"), "{said}");
    }
    // Somebody changed the image in the cluster: it is not the chart's.
    let by_hand = chosen(|_, workload, _| {
        workload.edited = Some(Edited {
            manager: "kubectl-edit".to_owned(),
            at: jiff::Timestamp::UNIX_EPOCH,
        });
    });
    assert_eq!(said(&by_hand).0, State::Unknown);
}
