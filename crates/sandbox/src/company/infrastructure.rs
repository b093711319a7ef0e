//! The infrastructure below the apps: an ingress, and on production a gateway and routes that build on it.
//!
//! Owns their manifests in the GitOps repository, and the change that Kubernetes does not allow.

use super::declared::write;
use crate::git::Edit;
use crate::names::Names;

/// Images of the infrastructure, mirrored in the company's registry: path and tag.
pub(super) fn mirrored(names: &Names) -> [(String, &'static str); 2] {
    let parts = &names.infrastructure;
    [
        (format!("mirror/{}-controller", parts.ingress), "1.11.2"),
        (format!("mirror/{}", parts.gateway), "2.4.0"),
    ]
}

/// All of a cluster's.
pub(super) fn manifests(cluster: &str, names: &Names) -> Vec<Edit> {
    let parts = &names.infrastructure;
    let [(ingress, ingress_tag), (gateway, gateway_tag)] = mirrored(names);
    let (ingress, gateway) = (
        format!("{}/{ingress}:{ingress_tag}", names.registry_host),
        format!("{}/{gateway}:{gateway_tag}", names.registry_host),
    );
    let namespace = &parts.ingress;
    let lowest = write(
        controller_file(cluster, names),
        deployment(&controller(names), namespace, &controller(names), &ingress),
    );
    if cluster != names.prod {
        return vec![lowest];
    }
    vec![
        lowest,
        write(
            format!("infrastructure/{cluster}/{}/deployment.yaml", parts.gateway),
            deployment(&parts.gateway, namespace, &parts.gateway, &gateway),
        ),
        write(
            format!("infrastructure/{cluster}/{}/routes.yaml", parts.routes),
            format!(
                "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {}
  namespace: {}
spec:
  ingressClassName: {}
  rules:
    - host: www.{}.example
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {}
                port:
                  name: http
",
                names.app("checkout"),
                names.shop,
                parts.ingress,
                names.company.to_lowercase(),
                names.app("checkout"),
            ),
        ),
    ]
}

/// The name of the ingress' Deployment.
pub(super) fn controller(names: &Names) -> String {
    format!("{}-controller", names.infrastructure.ingress)
}

fn controller_file(cluster: &str, names: &Names) -> String {
    format!(
        "infrastructure/{cluster}/{}/deployment.yaml",
        names.infrastructure.ingress
    )
}

/// Production's controller with another selector: the change that Kubernetes refuses.
pub(super) fn relabelled(names: &Names) -> Edit {
    let [(ingress, tag), _] = mirrored(names);
    write(
        controller_file(&names.prod, names),
        deployment(
            &controller(names),
            &names.infrastructure.ingress,
            &names.infrastructure.ingress,
            &format!("{}/{ingress}:{tag}", names.registry_host),
        ),
    )
}

fn deployment(name: &str, namespace: &str, label: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {namespace}
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: {label}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {label}
    spec:
      containers:
        - name: controller
          image: {image}
          ports:
            - name: http
              containerPort: 8080
"
    )
}
