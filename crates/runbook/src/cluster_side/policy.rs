//! What the API server holds of requests and their approvals, whoever writes them and with what.
//!
//! Owns the rules as CEL, one table. A request and its approvals are one object, so that a rule sees all that it is about:
//! who sends this, what was there, and what would be.

/// One rule: what has to be so, and what is said where it is not.
pub struct Rule {
    /// In CEL, of a ValidatingAdmissionPolicy.
    pub holds: &'static str,
    /// What the API server says.
    pub says: &'static str,
}

/// The rules. The CRD's own schema has each approver once: `by` is the key of the list. A field of the request that is empty
/// (`subResource`) is not there at all.
pub const RULES: [Rule; 12] = [
    Rule {
        holds: "request.operation != 'CREATE' || object.spec.requester == request.userInfo.username",
        says: "spec.requester has to be the user who asks",
    },
    Rule {
        holds: "request.operation != 'CREATE' || size(object.spec.approvals) == 0",
        says: "a request begins without approvals",
    },
    Rule {
        holds: "request.operation != 'UPDATE' || (object.spec.planHash == oldObject.spec.planHash && \
                object.spec.action == oldObject.spec.action && object.spec.target == oldObject.spec.target && \
                object.spec.inputs == oldObject.spec.inputs && object.spec.reason == oldObject.spec.reason && \
                object.spec.requester == oldObject.spec.requester)",
        says: "what is asked for does not change after the fact: ask anew",
    },
    Rule {
        holds: "request.operation != 'UPDATE' || oldObject.spec.approvals.all(old, \
                object.spec.approvals.exists(now, now.by == old.by && now.planHash == old.planHash))",
        says: "an approval that was given stands",
    },
    Rule {
        holds: "request.operation != 'UPDATE' || size(object.spec.approvals) <= size(oldObject.spec.approvals) + 1",
        says: "one approval is given at a time",
    },
    Rule {
        holds: "request.operation != 'UPDATE' || object.spec.approvals.all(now, \
                oldObject.spec.approvals.exists(old, old.by == now.by) || now.by == request.userInfo.username)",
        says: "an approval has to be by the user who gives it",
    },
    Rule {
        holds: "object.spec.approvals.all(now, now.by != object.spec.requester)",
        says: "nobody approves what they have asked for themselves",
    },
    Rule {
        holds: "object.spec.approvals.all(now, now.planHash == object.spec.planHash)",
        says: "an approval has to be of the plan that is asked for",
    },
    Rule {
        holds: "request.operation != 'UPDATE' || !has(request.subResource) || request.subResource != 'status' || \
                oldObject.spec.requester == request.userInfo.username",
        says: "only who asked says that it has begun, and how it ended",
    },
    Rule {
        holds: "!has(object.status) || !has(object.status.begun) || size(object.spec.approvals) > 0",
        says: "nothing begins before somebody else has approved it",
    },
    Rule {
        holds: "request.operation != 'UPDATE' || !has(oldObject.status) || !has(oldObject.status.begun) || \
                (has(object.status) && has(object.status.begun) && object.status.begun == oldObject.status.begun)",
        says: "what was approved begins once",
    },
    Rule {
        holds: "request.operation != 'UPDATE' || !has(oldObject.status) || !has(oldObject.status.ended) || \
                (has(object.status) && has(object.status.ended) && object.status.ended == oldObject.status.ended)",
        says: "how it ended stands",
    },
];
