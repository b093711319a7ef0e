//! Requests for another person's approval in the terminal.

use std::fmt::Write;

use api::approval::{
    ApprovalAsked, ApprovalRequest, ApprovalStands, ApprovalsHeld, ClusterApprovals,
};

use super::{bold, dim, foreign, red, styled, yellow};

/// Whether something can still come of a request.
pub fn is_open(stands: &ApprovalStands) -> bool {
    matches!(
        stands,
        ApprovalStands::Waiting {} | ApprovalStands::Approved {}
    )
}

/// The requests of all clusters.
pub fn list(clusters: &[ClusterApprovals]) -> String {
    let mut page = String::new();
    for cluster in clusters {
        for request in &cluster.requests {
            page.push_str(&asked(request));
        }
    }
    if page.is_empty() && clusters.iter().all(|cluster| cluster.unread.is_none()) {
        page.push_str("Nothing waits for an approval.\n");
    }
    for cluster in clusters {
        if let Some(why) = &cluster.unread {
            let _ = writeln!(
                page,
                "{} {}",
                styled(red(), "✗"),
                foreign(&why.message, 400)
            );
            let _ = writeln!(page, "  {}", styled(dim(), foreign(&why.hint, 400)));
        }
    }
    page
}

/// One request: who asks for what, why and since when.
pub fn asked(request: &ApprovalRequest) -> String {
    let object = &request.object;
    let what = format!(
        "{} {} in {}",
        foreign(&request.action, 100),
        foreign(&object.to_string(), 300),
        foreign(&object.system, 100)
    );
    let mut page = format!(
        "{}  {}\n",
        styled(bold(), foreign(&request.name, 100)),
        what
    );
    let _ = writeln!(
        page,
        "  asked by {}, {}; {}",
        foreign(&request.requester, 200),
        request.asked.strftime("%Y-%m-%d %H:%M UTC"),
        stands(request)
    );
    for (name, value) in &request.inputs {
        let _ = writeln!(page, "  {} = {}", foreign(name, 100), foreign(value, 300));
    }
    if !request.reason.is_empty() {
        let _ = writeln!(page, "  because: {}", foreign(&request.reason, 600));
    }
    page
}

fn stands(request: &ApprovalRequest) -> String {
    let by: Vec<String> = request
        .approved_by
        .iter()
        .map(|by| foreign(by, 200))
        .collect();
    match &request.stands {
        ApprovalStands::Waiting {} => "nobody else has approved it yet".to_owned(),
        ApprovalStands::Approved {} => format!("approved by {}", by.join(", ")),
        ApprovalStands::Begun { outcome: None } => "begun".to_owned(),
        ApprovalStands::Begun {
            outcome: Some(outcome),
        } => format!("begun, and ended: {}", foreign(outcome, 60)),
        ApprovalStands::Late {} => {
            "it is more than a day old, and has to be asked for anew".to_owned()
        }
    }
}

/// What came of asking for an approval: how it is given, and what comes then; `again` runs it.
pub fn requested(asked: &ApprovalAsked, again: &str) -> String {
    let name = foreign(&asked.request.name, 100);
    format!(
        "Nothing was run. It is asked for as {name}, in {}.\nSomebody else approves it: landfall approve {name}\nOnce they have, say the same once more with\n  {again}\n{}",
        foreign(&asked.request.object.system, 100),
        held(&asked.held)
    )
}

/// What came of approving.
pub fn approved(approved: &ApprovalAsked) -> String {
    let request = &approved.request;
    format!(
        "Approved: {}. {} runs it within a day of asking, once.\n{}",
        foreign(&request.name, 100),
        foreign(&request.requester, 200),
        held(&approved.held)
    )
}

/// What is to be known of how far an approval there can be trusted; nothing, where the API server holds it.
fn held(held: &ApprovalsHeld) -> String {
    let says = match held {
        ApprovalsHeld::ByServer {} => return String::new(),
        ApprovalsHeld::Advisory {} => {
            "Approvals are advisory there: the API server does not hold who asks and who approves to its own word. \
             `landfall cluster manifest` prints the policy that does."
                .to_owned()
        }
        ApprovalsHeld::Unknown { why } => format!(
            "Whether the API server holds who asks and who approves to its own word cannot be told, so take it as advisory: {}",
            foreign(why, 300)
        ),
    };
    format!("{} {says}\n", styled(yellow(), "!"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ObjectRef;

    fn request(stands: ApprovalStands) -> ApprovalRequest {
        ApprovalRequest {
            name: "20261201-1".to_owned(),
            action: "restart".to_owned(),
            object: ObjectRef::new("eu", "Deployment", "shop", "cart"),
            inputs: [("to".to_owned(), "3\u{1b}[2J".to_owned())].into(),
            reason: "OPS-7".to_owned(),
            hash: "ab".repeat(32),
            requester: "okta:ada\u{1b}[2J".to_owned(),
            asked: "2026-12-01T10:00:00Z".parse().expect("a time"),
            approved_by: vec!["okta:bo".to_owned()],
            stands,
        }
    }

    #[test]
    fn a_request_says_who_what_why_and_how_it_stands_and_moves_no_cursor() {
        let page =
            anstream::adapter::strip_str(&asked(&request(ApprovalStands::Approved {}))).to_string();
        let wanted = "20261201-1  restart Deployment shop/cart in eu\n  asked by okta:ada[2J, 2026-12-01 10:00 UTC; approved by okta:bo\n  to = 3[2J\n  because: OPS-7\n";
        assert_eq!(page, wanted);
    }

    #[test]
    fn an_approval_that_nothing_holds_was_told_as_if_something_did() {
        let asked = |held| ApprovalAsked {
            request: request(ApprovalStands::Waiting {}),
            held,
        };
        let page = |held| requested(&asked(held), "--confirm x");
        assert!(page(ApprovalsHeld::Advisory {}).contains("advisory"));
        let unknown = ApprovalsHeld::Unknown {
            why: "no".to_owned(),
        };
        assert!(page(unknown).contains("advisory"));
        assert!(!page(ApprovalsHeld::ByServer {}).contains("advisory"));
    }
}
