//! What an API server answers when it does not do what was asked: Status objects, worded as Kubernetes words them.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::access::Attempt;
use super::kinds::Kind;

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Value>,
    /// Where a list that cannot be continued as it was can be continued otherwise.
    next: Option<String>,
}

/// The group of the options that requests carry.
const META: &str = "meta.k8s.io";

impl Failure {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            next: None,
        }
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        let mut details = json!({"kind": kind.plural});
        if !name.is_empty() {
            details["name"] = json!(name);
        }
        if !kind.group.is_empty() {
            details["group"] = json!(kind.group);
        }
        self.details = Some(details);
        self
    }

    /// 404: no such object.
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.qualified());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(kind, name)
    }

    /// 409: the name is taken.
    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.qualified());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(kind, name)
    }

    /// 409: somebody else wrote in between.
    pub fn conflict(kind: &Kind, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: the object has been modified; please apply your changes to \
             the latest version and try again",
            kind.qualified()
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(kind, name)
    }

    /// 409: the object is not the one that was meant.
    pub fn precondition(kind: &Kind, name: &str, field: &str, meant: &str, found: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: Precondition failed: {field} in precondition: {meant}, \
             {field} in object meta: {found}",
            kind.qualified()
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(kind, name)
    }

    /// 422: a patch names another UID than the object's. A server finds that twice, among what is true of every object and
    /// among what is true of the kind, and says it once.
    pub fn another_uid(kind: &Kind, name: &str, meant: &str) -> Self {
        let problem = format!("Invalid value: {meant:?}: field is immutable");
        let found = ("metadata.uid".to_owned(), problem);
        Self::invalid_fields(kind.group, kind.kind, name, &[found.clone(), found])
    }

    /// 409: what is to be deleted is not what was meant.
    pub fn deletion_precondition(
        kind: &Kind,
        name: &str,
        field: &str,
        meant: &str,
        found: &str,
    ) -> Self {
        let perhaps = match field {
            "UID" => "deleted and then recreated",
            _ => "modified",
        };
        // Unlike everywhere else, the storage below names the kind and not the resource.
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: the {field} in the precondition ({meant}) does not match the \
             {field} in record ({found}). The object might have been {perhaps}",
            kind.kind
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(kind, name)
    }

    /// 409: others own fields that are to be applied.
    pub fn apply_conflict(message: String, causes: Vec<Value>) -> Self {
        let mut failure = Self::new(StatusCode::CONFLICT, "Conflict", message);
        failure.details = Some(json!({"causes": causes}));
        failure
    }

    /// 403, with the sentence that an API server with role-based access says.
    pub fn forbidden(user: &str, attempt: &Attempt<'_>, name: &str) -> Self {
        let resource = match attempt.subresource {
            "" => attempt.resource.to_owned(),
            subresource => format!("{}/{subresource}", attempt.resource),
        };
        let scope = match attempt.namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let qualified = match attempt.group {
            "" => attempt.resource.to_owned(),
            group => format!("{}.{group}", attempt.resource),
        };
        let subject = match name {
            "" => qualified,
            name => format!("{qualified} {name:?}"),
        };
        let message = format!(
            "{subject} is forbidden: User {user:?} cannot {} resource {resource:?} in API group {:?} {scope}",
            attempt.verb, attempt.group
        );
        let mut failure = Self::new(StatusCode::FORBIDDEN, "Forbidden", message);
        let mut details = json!({"kind": attempt.resource});
        if !name.is_empty() {
            details["name"] = json!(name);
        }
        if !attempt.group.is_empty() {
            details["group"] = json!(attempt.group);
        }
        failure.details = Some(details);
        failure
    }

    /// 401: nobody knows the token.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 422: the object, or what was asked of it, makes no sense at a field.
    pub fn invalid(kind: &Kind, name: &str, field: &str, problem: &str) -> Self {
        let problems = [(field.to_owned(), problem.to_owned())];
        Self::invalid_fields(kind.group, kind.kind, name, &problems)
    }

    /// 422: the options of a request make no sense at a field.
    pub fn invalid_options(options: &str, field: &str, problem: &str) -> Self {
        let problems = [(field.to_owned(), problem.to_owned())];
        Self::invalid_fields(META, options, "", &problems)
    }

    /// 422: something makes no sense at these fields, each with its problem.
    pub fn invalid_fields(
        group: &str,
        kind: &str,
        name: &str,
        problems: &[(String, String)],
    ) -> Self {
        let title = match group {
            "" => kind.to_owned(),
            group => format!("{kind}.{group}"),
        };
        let mut told: Vec<String> = problems
            .iter()
            .map(|(field, problem)| format!("{field}: {problem}"))
            .collect();
        told.dedup();
        let told = match told.as_slice() {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{title} {name:?} is invalid: {told}");
        let mut failure = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        let causes: Vec<Value> = problems
            .iter()
            .map(|(field, problem)| json!({"reason": blame(problem), "message": problem, "field": field}))
            .collect();
        let mut details = json!({"kind": kind, "causes": causes});
        if !name.is_empty() {
            details["name"] = json!(name);
        }
        if !group.is_empty() {
            details["group"] = json!(group);
        }
        failure.details = Some(details);
        failure
    }

    /// 422: understood, but it cannot be done to this object.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
    }

    /// 406: none of the forms that would be accepted can be had.
    pub fn not_acceptable() -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "NotAcceptable",
            "only the following media types are accepted: application/json, application/json;stream=watch",
        )
    }

    /// 413: the body is larger than an API server reads.
    pub fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 3145728",
        )
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        let mut failure = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        );
        failure.details = Some(json!({}));
        failure
    }

    /// 404: the group and version are served, but not this resource or part of it.
    pub fn not_served() -> Self {
        let mut failure = Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        );
        failure.details = Some(json!({}));
        failure
    }

    /// 415, with what would be understood.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        )
    }

    /// 410: what changed since that version is forgotten.
    pub fn expired_version(asked: u64, oldest: u64) -> Self {
        Self::new(
            StatusCode::GONE,
            "Expired",
            format!("too old resource version: {asked} ({oldest})"),
        )
    }

    /// 410: the list that was begun cannot be continued as it was, but its rest can be had as it is now.
    pub fn expired_continue(next: String) -> Self {
        let mut failure = Self::new(
            StatusCode::GONE,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of \
             the results. Continuing with the provided token results in an inconsistent list - objects that were \
             created, modified, or deleted between the time the first chunk was returned and now may show up in the \
             list.",
        );
        failure.next = Some(next);
        failure
    }

    /// 504: that version is still to come.
    pub fn too_large_version(asked: u64, newest: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {newest}");
        let mut failure = Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message);
        failure.details = Some(json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }));
        failure
    }

    /// Whether there is no such object.
    pub fn is_not_found(&self) -> bool {
        self.code == StatusCode::NOT_FOUND
    }

    /// The Status object.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code.as_u16(),
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if let Some(next) = &self.next {
            status["metadata"]["continue"] = json!(next);
        }
        status
    }
}

/// The reason of a cause: the words that its message begins with say which.
fn blame(problem: &str) -> &'static str {
    match problem.split(':').next().unwrap_or_default() {
        "Required value" => "FieldValueRequired",
        "Forbidden" => "FieldValueForbidden",
        "Duplicate value" => "FieldValueDuplicate",
        "Unsupported value" => "FieldValueNotSupported",
        _ => "FieldValueInvalid",
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let headers = [(CONTENT_TYPE, "application/json")];
        (self.code, headers, self.to_status().to_string()).into_response()
    }
}

/// 404 for a path that nothing serves: plain text, as an API server answers it.
pub fn no_such_path() -> Response {
    (
        StatusCode::NOT_FOUND,
        [(CONTENT_TYPE, "text/plain; charset=utf-8")],
        "404 page not found\n",
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_worded_as_kubernetes_words_them() {
        let attempt = Attempt {
            verb: "list",
            resource: "pods",
            ..Attempt::default()
        };
        assert_eq!(
            Failure::forbidden("viewer", &attempt, "").to_status(),
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 403,
                "reason": "Forbidden", "details": {"kind": "pods"},
                "message": "pods is forbidden: User \"viewer\" cannot list resource \"pods\" in API group \"\" at the \
                            cluster scope",
            })
        );
        let attempt = Attempt {
            verb: "get",
            group: "apps",
            resource: "deployments",
            subresource: "scale",
            namespace: "shop",
            name: "web",
        };
        assert_eq!(
            Failure::forbidden("viewer", &attempt, "web").to_status()["message"],
            "deployments.apps \"web\" is forbidden: User \"viewer\" cannot get resource \"deployments/scale\" in API \
             group \"apps\" in the namespace \"shop\""
        );
        let deployment = Kind::named("Deployment").unwrap();
        assert_eq!(
            Failure::not_found(deployment, "web").to_status()["message"],
            "deployments.apps \"web\" not found"
        );
    }
}
