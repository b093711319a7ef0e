//! Approvals by another person: asking for one in the cluster, giving one, and running what was approved.
//!
//! Owns the way between a plan that was made here and the request that the cluster keeps. What counts as an approval the
//! runbook says, and the permit once more; that nobody forges one the API server holds, where its policy is in force.

use api::action::{PlanView, Wish};
use api::approval::{
    ApprovalAsked, ApprovalRequest, ApprovalStands, ApprovalsHeld, ClusterApprovals,
};
use api::error::Code;
use api::headline::plain;
use api::{Error, ObjectRef};
use journey::Whereabouts;
use runbook::call::{Call, ObjectCall};
use runbook::cluster_side::request::{self, Held, Request, Stands};
use runbook::cluster_side::{NAMESPACE, lock};
use runbook::ground::{Look, Read};
use runbook::journal::{Answer, RunId};
use runbook::permit::{Approval, Confirmation};
use runbook::plan::Plan;

use super::Actions;

/// The longest word of others that is shown.
const LONGEST: usize = 500;
/// The most requests of a cluster that are shown.
const MOST: usize = 200;

/// What was approved: the request, and what the permit wants to know of it.
pub(super) struct Approved {
    pub request: Request,
    pub confirmation: Confirmation,
}

impl Actions {
    /// Asks another person to approve a plan that was made here. One that is asked for already is not asked for twice.
    ///
    /// # Errors
    /// The plan is gone, the cluster keeps no requests, or it refuses this one.
    pub async fn ask_approval(&self, hash: &str) -> Result<ApprovalAsked, Error> {
        let plan = self.prepared(hash)?.plan;
        let system = plan.target.object.system.clone();
        let identity = self.identity(&system).await?;
        let now = self.clock.now();
        if let Some(request) = self.asked_by(&system, &identity, hash).await? {
            let held = self.held(&plan).await;
            return Ok(ApprovalAsked {
                request: shown(&system, &request, now),
                held,
            });
        }
        let held = self.held(&plan).await;
        let name = RunId::fresh(now);
        let call = request::asked(&name, &plan, &identity);
        self.change(call, &name, "the request").await?;
        let request = self.request(&system, name.as_str()).await?;
        Ok(ApprovalAsked {
            request: shown(&system, &request, now),
            held,
        })
    }

    /// The requests of a cluster, newest first.
    pub async fn approvals(&self, system: &str) -> ClusterApprovals {
        let now = self.clock.now();
        let read = self.requests(system).await;
        let (requests, unread) = match read {
            Ok(requests) => (requests, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        ClusterApprovals {
            cluster: system.to_owned(),
            requests: requests
                .iter()
                .take(MOST)
                .map(|request| shown(system, request, now))
                .collect(),
            unread,
        }
    }

    /// One request, as it stands.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn approval(&self, system: &str, name: &str) -> Result<ApprovalRequest, Error> {
        let request = self.request(system, name).await?;
        Ok(shown(system, &request, self.clock.now()))
    }

    /// Plans here what somebody else asks an approval for, and holds it to what they have planned: whoever approves reads their
    /// own machine's plan.
    ///
    /// # Errors
    /// It is another plan here, or cannot be planned.
    pub async fn plan_to_approve(
        &self,
        asked: &ApprovalRequest,
        at: &Whereabouts,
    ) -> Result<PlanView, Error> {
        let system = &asked.object.system;
        let theirs = self.request(system, &asked.name).await?.spec;
        if theirs.target.cluster != *system {
            let called = plain(&theirs.target.cluster, LONGEST);
            return Err(Error::new(
                Code::Denied,
                format!("who asks calls this cluster {called}, and here it is {system}: the plans cannot be compared"),
            )
            .hint("Open it under the same name: with the team's file, or with a context that is called so."));
        }
        let wish = Wish {
            action: theirs.action.clone(),
            object: asked.object.clone(),
            said: theirs.inputs.clone(),
            reason: theirs.reason.clone(),
        };
        // Their roles are theirs: who approves need not be one who runs it.
        let view = self.planned(&wish, at, None).await?;
        if view.hash == theirs.plan_hash {
            return Ok(view);
        }
        Err(Error::new(
            Code::Denied,
            format!(
                "planned here now it is another plan than {} asks for: what is there has changed since, or the actions differ",
                plain(&theirs.requester, LONGEST)
            ),
        )
        .hint("They plan again, and ask anew. Both need the same team file and the same actions."))
    }

    /// Approves a request whose plan was made here just now and has this hash.
    ///
    /// # Errors
    /// It is one's own, another plan's or used up; or the API server refuses.
    pub async fn approve(
        &self,
        system: &str,
        name: &str,
        hash: &str,
    ) -> Result<ApprovalAsked, Error> {
        let plan = self.prepared(hash)?.plan;
        let identity = self.identity(system).await?;
        let request = self.request(system, name).await?;
        let now = self.clock.now();
        let denied = |why: &str| Err(Error::new(Code::Denied, why.to_owned()));
        if request.spec.plan_hash != hash || plan.target.object.system != system {
            return denied("this is another plan than the one that is asked for");
        }
        if request.spec.requester == identity {
            return denied("you have asked for this yourself, and it takes somebody else");
        }
        let by_us = |request: &Request| {
            let mut approvals = request.spec.approvals.iter();
            approvals.any(|one| one.by == identity && one.plan_hash == hash)
        };
        match request.stands(now) {
            Stands::Begun => return denied("it was begun already"),
            Stands::Late => {
                return denied("it was asked for more than a day ago: it has to be asked for anew");
            }
            Stands::Waits | Stands::Approved { .. } => {}
        }
        let tried = Call::Object(request.approved_by_nobody(system));
        let held = held(&self.hands.try_out(&tried, &request.name).await);
        if !by_us(&request) {
            let call = request.approved(system, &identity);
            self.change(call, &request.name, "the approval").await?;
        }
        let request = self.request(system, name).await?;
        if !by_us(&request) {
            return denied("the approval was sent, and is not in the request as it is now");
        }
        Ok(ApprovalAsked {
            request: shown(system, &request, now),
            held,
        })
    }

    /// What another person has approved of a plan that was made here.
    pub(super) async fn approved(&self, plan: &Plan, hash: &str) -> Result<Approved, Error> {
        let system = &plan.target.object.system;
        let identity = self.identity(system).await?;
        let waits = |request: Option<Request>| {
            let (says, hint) = match request {
                Some(request) => (
                    format!("nobody has approved {} yet", request.name),
                    format!("Somebody else does: landfall approve {}", request.name),
                ),
                None => (
                    "no approval was asked for".to_owned(),
                    "Ask for one, and have somebody else give it.".to_owned(),
                ),
            };
            Error::new(Code::Denied, says).hint(hint)
        };
        let Some(request) = self.asked_by(system, &identity, hash).await? else {
            return Err(waits(None));
        };
        let approval: Option<Approval> = request.approval(&identity);
        match approval {
            Some(approval) => Ok(Approved {
                confirmation: Confirmation::Approved(approval),
                request,
            }),
            None => Err(waits(Some(request))),
        }
    }

    /// Uses an approval up, before anything is sent: it is for one run, on whichever machine.
    pub(super) async fn use_up(&self, system: &str, request: &Request) -> Result<(), Error> {
        let begun = Call::Object(request.begun(system, self.clock.now()));
        let denied = |says: String, hint: &str| Err(Error::new(Code::Denied, says).hint(hint));
        match self.hands.send(&begun, &request.name).await {
            Answer::Done { .. } => Ok(()),
            Answer::Refused { why, moved } => denied(
                format!("{} cannot be begun: {why}", request.name),
                match moved {
                    true => "It has changed since it was read: look at how it stands.",
                    false => "Who runs it needs the right to patch actionruns/status there.",
                },
            ),
            Answer::NotSent { why } => denied(
                format!("{} was not begun: {why}", request.name),
                "Nothing was sent. Try again.",
            ),
            Answer::Unknown { why } => denied(
                format!(
                    "whether {} was begun is not known, and nothing more was sent: {why}",
                    request.name
                ),
                "Look at how it stands with `landfall approvals`: if it has begun, ask anew.",
            ),
        }
    }

    /// Why runs of two machines are not kept from one target, in a sentence; nothing, where they are.
    pub(super) async fn not_apart(&self, plan: &Plan) -> Option<String> {
        if !self.hands.keeps_apart() || plan.is_nothing() {
            return None;
        }
        let target = &plan.target;
        let system = &target.object.system;
        let namespace = Look::Object(ObjectRef::new(system, "Namespace", "", NAMESPACE));
        let why = if self.hands.read(&namespace).await == Read::Absent {
            format!("there is no namespace {NAMESPACE} on {system} (`landfall cluster manifest`)")
        } else {
            let run = RunId::fresh(self.clock.now());
            let lock = lock::taken(target, &run, "", self.clock.now());
            match self.hands.try_out(&Call::Object(lock), &run).await {
                // One that is there already keeps them apart all the same.
                Answer::Done { .. } | Answer::Refused { moved: true, .. } => return None,
                Answer::Refused { why, .. } | Answer::NotSent { why } | Answer::Unknown { why } => {
                    why
                }
            }
        };
        Some(format!("Two machines are not kept apart: {why}."))
    }

    /// What the API server holds of requests, found out by trying one in nobody's name: nothing is kept of it.
    async fn held(&self, plan: &Plan) -> ApprovalsHeld {
        let name = RunId::fresh(self.clock.now());
        let tried = Call::Object(request::asked_by_nobody(&name, plan));
        held(&self.hands.try_out(&tried, &name).await)
    }

    /// The newest request of this person for this plan that can still be run.
    async fn asked_by(
        &self,
        system: &str,
        identity: &str,
        hash: &str,
    ) -> Result<Option<Request>, Error> {
        let now = self.clock.now();
        let requests = self.requests(system).await?;
        let mut theirs: Vec<Request> = requests
            .into_iter()
            .filter(|one| one.spec.requester == identity && one.spec.plan_hash == hash)
            .filter(|one| matches!(one.stands(now), Stands::Waits | Stands::Approved { .. }))
            .collect();
        // One that was approved, before a newer one that was not.
        theirs.sort_by_key(|one| one.stands(now) == Stands::Waits);
        Ok(theirs.into_iter().next())
    }

    async fn requests(&self, system: &str) -> Result<Vec<Request>, Error> {
        match self.hands.read(&request::all(system)).await {
            Read::All(all) => {
                let mut requests: Vec<Request> = all.iter().filter_map(Request::of).collect();
                requests.sort_by_key(|one| std::cmp::Reverse(one.asked));
                Ok(requests)
            }
            Read::Unknown(why) => Err(unavailable(system, &why)),
            _ => Err(unavailable(system, "what came back is no list")),
        }
    }

    async fn request(&self, system: &str, name: &str) -> Result<Request, Error> {
        let gone = || {
            let says = format!("there is no request {} on {system}", plain(name, LONGEST));
            Error::new(Code::NotFound, says).hint("`landfall approvals` lists them.")
        };
        let place = request::one(system, name);
        match self.hands.read(&Look::Object(place)).await {
            Read::Object(object) => Request::of(&object).ok_or_else(|| {
                unavailable(system, "what stands there is no request that is understood")
            }),
            Read::Absent => Err(gone()),
            Read::Unknown(why) => Err(unavailable(system, &why)),
            _ => Err(gone()),
        }
    }

    /// Sends a change of a request, once; what came of a lost answer whoever calls this reads.
    async fn change(&self, call: ObjectCall, name: &RunId, what: &str) -> Result<(), Error> {
        match self.hands.send(&Call::Object(call), name).await {
            Answer::Done { .. } | Answer::Unknown { .. } => Ok(()),
            Answer::Refused { why, moved } => {
                let error = Error::new(Code::Denied, format!("{what} was refused: {why}"));
                Err(match moved {
                    true => error.hint("It has changed since it was read: look at it again."),
                    false => error.hint(
                        "Asking and approving take the rights that `landfall cluster manifest` names.",
                    ),
                })
            }
            Answer::NotSent { why } => Err(Error::new(
                Code::Unreachable,
                format!("{what} was not sent: {why}"),
            )),
        }
    }

    /// Who the person is there: a request is bound to that, and to no name that this machine knows.
    async fn identity(&self, system: &str) -> Result<String, Error> {
        self.hands.identity(system).await.ok_or_else(|| {
            Error::new(
                Code::Unreachable,
                format!("who you are on {system} cannot be told, and an approval is bound to that"),
            )
        })
    }
}

fn unavailable(system: &str, why: &str) -> Error {
    Error::new(
        Code::Unreachable,
        format!("approvals are not available on {system}: {why}"),
    )
    .hint("Whoever administers the cluster applies what `landfall cluster manifest` prints, once.")
}

fn held(answer: &Answer) -> ApprovalsHeld {
    match request::held(answer) {
        Held::ByTheServer => ApprovalsHeld::ByServer {},
        Held::Not => ApprovalsHeld::Advisory {},
        Held::Unknown(why) => ApprovalsHeld::Unknown {
            why: plain(&why, LONGEST),
        },
    }
}

/// A request as it is shown: its words are others'.
fn shown(system: &str, request: &Request, now: jiff::Timestamp) -> ApprovalRequest {
    let spec = &request.spec;
    let target = &spec.target;
    let word = |text: &str| plain(text, LONGEST);
    ApprovalRequest {
        name: word(request.name.as_str()),
        action: word(&spec.action),
        object: ObjectRef::new(
            system,
            word(&target.kind),
            word(&target.namespace),
            word(&target.name),
        ),
        inputs: spec
            .inputs
            .iter()
            .map(|(name, value)| (word(name), word(value)))
            .collect(),
        reason: word(&spec.reason),
        hash: word(&spec.plan_hash),
        requester: word(&spec.requester),
        asked: request.asked,
        approved_by: spec.approvals.iter().map(|one| word(&one.by)).collect(),
        stands: match request.stands(now) {
            Stands::Waits => ApprovalStands::Waiting {},
            Stands::Approved { .. } => ApprovalStands::Approved {},
            Stands::Begun => ApprovalStands::Begun {
                outcome: request.outcome.as_deref().map(word),
            },
            Stands::Late => ApprovalStands::Late {},
        },
    }
}

#[cfg(test)]
mod tests;
