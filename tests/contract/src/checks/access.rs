//! Who may do what: unknown tokens, roles, and speaking for somebody else.

use serde_json::json;

use crate::broken::{Broken, Checked, field, filled, says};
use crate::world::{World, config_map, unique};

pub(crate) async fn unknown_token(world: &World) -> Checked {
    let stranger = world.api.with_token("nobody-has-this-token");
    let call = stranger.get("/api/v1/pods");
    let status = call.refused(401, "Unauthorized").await?;
    field(&status, "/message", "Unauthorized")?;
    // Whether there is such a path is not said to strangers.
    let call = stranger.get("/apis/nosuch.example/v1");
    call.refused(401, "Unauthorized").await.map(|_| ())
}

pub(crate) async fn forbidden(world: &World) -> Checked {
    let space = world.space().await?;
    let user = unique("jo");
    let jo = world.api.impersonating(&user);
    let status = jo.get("/api/v1/pods").refused(403, "Forbidden").await?;
    field(&status, "/details", json!({"kind": "pods"}))?;
    let message = format!(
        "pods is forbidden: User \"{user}\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
    );
    field(&status, "/message", message)?;
    let path = space.apps("deployments/web/scale");
    let status = jo.get(&path).refused(403, "Forbidden").await?;
    let details = json!({"kind": "deployments", "group": "apps", "name": "web"});
    field(&status, "/details", details)?;
    let message = format!(
        "deployments.apps \"web\" is forbidden: User \"{user}\" cannot get resource \"deployments/scale\" in API group \
         \"apps\" in the namespace \"{}\"",
        space.name
    );
    field(&status, "/message", message)
}

pub(crate) async fn forbidden_before_missing(world: &World) -> Checked {
    let jo = world.api.impersonating(&unique("jo"));
    for path in [
        "/api/v1/namespaces/no-such-namespace/secrets/no",
        "/apis/nosuch.example/v1/things",
    ] {
        jo.get(path).refused(403, "Forbidden").await?;
    }
    let path = "/api/v1/namespaces/no-such-namespace/configmaps";
    let call = jo.post(path, &config_map("a", "1"));
    call.refused(403, "Forbidden").await.map(|_| ())
}

pub(crate) async fn by_role(world: &World) -> Checked {
    let (mine, other) = (world.space().await?, world.space().await?);
    let user = unique("jo");
    let jo = world.api.impersonating(&user);
    let reading = ["get", "list", "watch"];
    world.allow(&mine, &user, &["configmaps"], &reading).await?;
    for space in [&mine, &other] {
        world.config_map(space, "a", "1").await?;
    }
    let path = mine.core("configmaps/a");
    jo.get(&path).gives(200).await?;
    jo.get(&mine.core("configmaps")).gives(200).await?;
    jo.delete(&path).refused(403, "Forbidden").await?;
    jo.get(&mine.core("secrets"))
        .refused(403, "Forbidden")
        .await?;
    let call = jo.get(&other.core("configmaps/a"));
    call.refused(403, "Forbidden").await?;
    let call = jo.get("/api/v1/configmaps");
    call.refused(403, "Forbidden").await.map(|_| ())
}

pub(crate) async fn by_cluster_role(world: &World) -> Checked {
    let space = world.space().await?;
    let user = unique("jo");
    let rules =
        json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}]);
    world.allow_everywhere(&user, &rules).await?;
    let attributes = json!({"verb": "get", "group": "apps", "resource": "deployments"});
    world.taken_up(&user, &attributes).await?;
    let jo = world.api.impersonating(&user);
    jo.get("/apis/apps/v1/deployments").gives(200).await?;
    jo.get(&space.apps("deployments")).gives(200).await?;
    let call = jo.get("/apis/apps/v1/replicasets");
    call.refused(403, "Forbidden").await.map(|_| ())
}

pub(crate) async fn bindings(world: &World) -> Checked {
    let user = unique("jo");
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]);
    let name = world.allow_everywhere(&user, &rules).await?;
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings?limit=500";
    let list = world.api.get(path).gives(200).await?;
    let mut items = list["items"].as_array().into_iter().flatten();
    let ours = items.find(|item| item["metadata"]["name"] == name.as_str());
    let ours = ours.ok_or_else(|| Broken::NotSo("the binding is listed".to_owned()))?;
    field(ours, "/roleRef/kind", "ClusterRole")?;
    field(ours, "/roleRef/name", name.as_str())?;
    field(ours, "/subjects/0/kind", "User")?;
    field(ours, "/subjects/0/name", user.as_str())?;
    let jo = world.api.impersonating(&user);
    jo.get(path).refused(403, "Forbidden").await.map(|_| ())
}

pub(crate) async fn speaking_for_others(world: &World) -> Checked {
    let space = world.space().await?;
    let token = world.account(&space, "robot").await?;
    let robot = world.api.with_token(&token);
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let myself = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer = robot.post(myself, &asked).gives(201).await?;
    let name = format!("system:serviceaccount:{}:robot", space.name);
    field(&answer, "/status/userInfo/username", name.as_str())?;
    let call = robot.impersonating("jo").get("/api/v1/pods");
    let status = call.refused(403, "Forbidden").await?;
    // Which permission is missed is worded otherwise in every other version.
    let message = filled(&status, "/message")?;
    says(message, &format!("User \"{name}\" cannot impersonate"))
}

pub(crate) async fn only_these(world: &World) -> Checked {
    let space = world.space().await?;
    let user = unique("jo");
    let rbac = "rbac.authorization.k8s.io/v1";
    let role = json!({"metadata": {"name": "one"}, "rules": [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mine"], "verbs": ["get"]}]});
    world
        .api
        .post(&space.of(rbac, "roles"), &role)
        .gives(201)
        .await?;
    let binding = json!({"metadata": {"name": "one"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]});
    world
        .api
        .post(&space.of(rbac, "rolebindings"), &binding)
        .gives(201)
        .await?;
    let attributes = json!({
        "verb": "get", "resource": "secrets", "name": "mine", "namespace": space.name,
    });
    world.taken_up(&user, &attributes).await?;
    let jo = world.api.impersonating(&user);
    jo.get(&space.core("secrets/mine"))
        .refused(404, "NotFound")
        .await?;
    jo.get(&space.core("secrets/other"))
        .refused(403, "Forbidden")
        .await?;
    let call = jo.get(&space.core("secrets"));
    call.refused(403, "Forbidden").await.map(|_| ())
}
