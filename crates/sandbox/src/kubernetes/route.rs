//! What a request is about: its path and query taken apart.

use std::collections::BTreeMap;

use axum::extract::Query as UrlQuery;
use http::Uri;
use percent_encoding::percent_decode_str;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz`, and what is below them.
    Health,
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/{group}`.
    Group(String),
    /// `/api/v1` or `/apis/{group}/{version}`.
    Resources(String, String),
    /// `/openapi/v3`, or the document of a group and version below it.
    OpenApi(Option<(String, String)>),
    /// Objects.
    Objects(Target),
    /// Nothing.
    Nothing,
}

/// Objects of one resource: all of them, one of them, or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The plural.
    pub resource: String,
    /// The namespace; empty for the cluster scope.
    pub namespace: String,
    /// The name; empty for all.
    pub name: String,
    /// `status`, `log`, `scale`; empty for the whole object.
    pub subresource: String,
}

impl Route {
    /// The route of a path.
    pub(crate) fn of(path: &str) -> Self {
        let segments: Option<Vec<String>> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| {
                let text = percent_decode_str(segment).decode_utf8().ok()?;
                Some(text.into_owned())
            })
            .collect();
        let Some(segments) = segments else {
            return Self::Nothing;
        };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["version"] => Self::Version,
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["api"] => Self::CoreVersions,
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group((*group).to_owned()),
            ["openapi", "v3"] => Self::OpenApi(None),
            ["openapi", "v3", "api", version] => {
                Self::OpenApi(Some((String::new(), (*version).to_owned())))
            }
            ["openapi", "v3", "apis", group, version] => {
                Self::OpenApi(Some(((*group).to_owned(), (*version).to_owned())))
            }
            ["api", version] => Self::Resources(String::new(), (*version).to_owned()),
            ["apis", group, version] => Self::Resources((*group).to_owned(), (*version).to_owned()),
            ["api", version, rest @ ..] => Self::objects("", version, rest),
            ["apis", group, version, rest @ ..] => Self::objects(group, version, rest),
            _ => Self::Nothing,
        }
    }

    fn objects(group: &str, version: &str, rest: &[&str]) -> Self {
        let (namespace, rest) = match rest {
            // `namespaces/shop/status` is a part of a namespace, `namespaces/shop/pods` is what it holds.
            ["namespaces", namespace, inside @ ..]
                if !inside.is_empty() && !matches!(inside, ["status" | "finalize"]) =>
            {
                (*namespace, inside)
            }
            _ => ("", rest),
        };
        let (resource, name, subresource) = match rest {
            [resource] => (resource, "", ""),
            [resource, name] => (resource, *name, ""),
            [resource, name, subresource] => (resource, *name, *subresource),
            _ => return Self::Nothing,
        };
        Self::Objects(Target {
            group: group.to_owned(),
            version: version.to_owned(),
            resource: (*resource).to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
        })
    }
}

/// A request's query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    /// The query of an address; one that cannot be read is empty.
    pub(crate) fn of(uri: &Uri) -> Self {
        let pairs = UrlQuery::<Vec<(String, String)>>::try_from_uri(uri);
        Self(pairs.map_or_else(
            |_| BTreeMap::new(),
            |UrlQuery(pairs)| pairs.into_iter().collect(),
        ))
    }

    /// A parameter; empty if it is not there.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// Whether a parameter is set to yes.
    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.text(key), "true" | "1" | "True" | "TRUE" | "t")
    }

    /// A parameter as a number, if it is one.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.text(key).parse().ok()
    }

    /// Whether nothing is to be stored.
    pub(crate) fn dry_run(&self) -> bool {
        self.text("dryRun") == "All"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Target {
        match Route::of(path) {
            Route::Objects(target) => target,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_of_objects() {
        let pod = target("/api/v1/namespaces/shop/pods/web-1/log");
        assert_eq!(
            (
                pod.resource.as_str(),
                pod.namespace.as_str(),
                pod.name.as_str(),
                pod.subresource.as_str()
            ),
            ("pods", "shop", "web-1", "log")
        );
        let all = target("/apis/apps/v1/deployments");
        assert_eq!(
            (
                all.group.as_str(),
                all.namespace.as_str(),
                all.name.as_str()
            ),
            ("apps", "", "")
        );
        let namespace = target("/api/v1/namespaces/shop");
        assert_eq!(
            (namespace.resource.as_str(), namespace.name.as_str()),
            ("namespaces", "shop")
        );
        let status = target("/api/v1/namespaces/shop/status");
        assert_eq!(
            (status.name.as_str(), status.subresource.as_str()),
            ("shop", "status")
        );
        assert_eq!(target("/api/v1/namespaces").resource, "namespaces");
        assert_eq!(target("/api/v1/namespaces/shop/pods/a%2Fb").name, "a/b");
    }

    #[test]
    fn other_paths() {
        assert_eq!(
            Route::of("/api/v1"),
            Route::Resources(String::new(), "v1".into())
        );
        assert_eq!(
            Route::of("/apis/apps/v1/"),
            Route::Resources("apps".into(), "v1".into())
        );
        assert_eq!(Route::of("/readyz/ping"), Route::Health);
        assert_eq!(Route::of("/apis/apps/v1/a/b/c/d/e"), Route::Nothing);
        assert_eq!(Route::of("/metrics"), Route::Nothing);
    }

    #[test]
    fn queries() {
        let query = Query::of(
            &"/x?watch=1&labelSelector=a%3Db%2Cc&limit=5&dryRun=All"
                .parse()
                .unwrap(),
        );
        assert!(query.flag("watch") && query.dry_run());
        assert_eq!(query.text("labelSelector"), "a=b,c");
        assert_eq!(query.number("limit"), Some(5));
        assert_eq!(query.number("continue"), None);
    }
}
