//! Which columns each kind's table has, in the order kubectl prints them.

use super::CellType::{Name, Number, Text};
use super::Column;
use super::cells::*;
use super::pod_cells;
use crate::kubernetes::kinds::Kind;

const NAME: Column = Column::new("Name", 0, Name, name);
const AGE: Column = Column::new("Age", 0, Text, age);
const CONTAINERS: Column = Column::new("Containers", 1, Text, container_names);
const IMAGES: Column = Column::new("Images", 1, Text, images);
const SELECTOR: Column = Column::new("Selector", 1, Text, match_labels);
const READY: Column = Column::new("Ready", 0, Text, ready);
const STATUS: Column = Column::new("Status", 0, Text, ready_message);

/// A kind's columns.
pub(super) fn of(kind: &Kind) -> &'static [Column] {
    match kind.kind {
        "Pod" => const { &POD },
        "Namespace" => const { &NAMESPACE },
        "Node" => const { &NODE },
        "Service" => const { &SERVICE },
        "ConfigMap" => const { &CONFIG_MAP },
        "Secret" => const { &SECRET },
        "Event" => const { &EVENT },
        "ResourceQuota" => const { &RESOURCE_QUOTA },
        "PersistentVolumeClaim" => const { &CLAIM },
        "Deployment" => const { &DEPLOYMENT },
        "ReplicaSet" => const { &REPLICA_SET },
        "StatefulSet" => const { &STATEFUL_SET },
        "DaemonSet" => const { &DAEMON_SET },
        "Job" => const { &JOB },
        "CronJob" => const { &CRON_JOB },
        "EndpointSlice" => const { &ENDPOINT_SLICE },
        "Ingress" => const { &INGRESS },
        "GitRepository" | "HelmRepository" => const { &URL_SOURCE },
        "OCIRepository" => const { &OCI_REPOSITORY },
        "HelmChart" => const { &HELM_CHART },
        "Bucket" => const { &BUCKET },
        "Kustomization" | "HelmRelease" | "Receiver" => const { &RECONCILED },
        "ImageRepository" => const { &IMAGE_REPOSITORY },
        "ImagePolicy" => const { &IMAGE_POLICY },
        "ImageUpdateAutomation" => const { &IMAGE_AUTOMATION },
        "CustomResourceDefinition" => const { &DEFINITION },
        _ => const { &[NAME, AGE] },
    }
}

const POD: [Column; 9] = [
    NAME,
    Column::new("Ready", 0, Text, pod_cells::ready),
    Column::new("Status", 0, Text, |pod, _| pod_cells::status(pod).into()),
    Column::new("Restarts", 0, Text, pod_cells::restarts),
    AGE,
    Column::new("IP", 1, Text, |o, _| text_or_none(&o["status"]["podIP"])),
    Column::new("Node", 1, Text, |o, _| text_or_none(&o["spec"]["nodeName"])),
    Column::new("Nominated Node", 1, Text, |o, _| {
        text_or_none(&o["status"]["nominatedNodeName"])
    }),
    Column::new("Readiness Gates", 1, Text, |_, _| "<none>".into()),
];

const NAMESPACE: [Column; 3] = [
    NAME,
    Column::new("Status", 0, Text, |o, _| text(&o["status"]["phase"])),
    AGE,
];

const NODE: [Column; 10] = [
    NAME,
    Column::new("Status", 0, Text, node_status),
    Column::new("Roles", 0, Text, node_roles),
    AGE,
    Column::new("Version", 0, Text, |o, _| {
        text(&o["status"]["nodeInfo"]["kubeletVersion"])
    }),
    Column::new("Internal-IP", 1, Text, |o, _| node_address(o, "InternalIP")),
    Column::new("External-IP", 1, Text, |o, _| node_address(o, "ExternalIP")),
    Column::new("OS-Image", 1, Text, |o, _| {
        text_or(&o["status"]["nodeInfo"]["osImage"], "<unknown>")
    }),
    Column::new("Kernel-Version", 1, Text, |o, _| {
        text_or(&o["status"]["nodeInfo"]["kernelVersion"], "<unknown>")
    }),
    Column::new("Container-Runtime", 1, Text, |o, _| {
        text_or(
            &o["status"]["nodeInfo"]["containerRuntimeVersion"],
            "<unknown>",
        )
    }),
];

const SERVICE: [Column; 7] = [
    NAME,
    Column::new("Type", 0, Text, |o, _| {
        text_or(&o["spec"]["type"], "ClusterIP")
    }),
    Column::new("Cluster-IP", 0, Text, |o, _| {
        text_or_none(&o["spec"]["clusterIP"])
    }),
    Column::new("External-IP", 0, Text, external_address),
    Column::new("Port(s)", 0, Text, service_ports),
    AGE,
    Column::new("Selector", 1, Text, |o, _| pairs(&o["spec"]["selector"])),
];

const CONFIG_MAP: [Column; 3] = [NAME, Column::new("Data", 0, Number, data_count), AGE];

const SECRET: [Column; 4] = [
    NAME,
    Column::new("Type", 0, Text, |o, _| text_or(&o["type"], "Opaque")),
    Column::new("Data", 0, Number, data_count),
    AGE,
];

const EVENT: [Column; 10] = [
    Column::new("Last Seen", 0, Text, last_seen),
    Column::new("Type", 0, Text, |o, _| text(&o["type"])),
    Column::new("Reason", 0, Text, |o, _| text(&o["reason"])),
    Column::new("Object", 0, Text, involved_object),
    Column::new("Subobject", 1, Text, |o, _| {
        text(&o["involvedObject"]["fieldPath"])
    }),
    Column::new("Source", 1, Text, |o, _| text(&o["source"]["component"])),
    Column::new("Message", 0, Text, |o, _| text(&o["message"])),
    Column::new("First Seen", 1, Text, first_seen),
    Column::new("Count", 1, Number, |o, _| {
        o["count"].as_i64().unwrap_or(1).into()
    }),
    Column::new("Name", 1, Name, name),
];

const RESOURCE_QUOTA: [Column; 4] = [
    NAME,
    Column::new("Request", 0, Text, |o, _| quota(o, false)),
    Column::new("Limit", 0, Text, |o, _| quota(o, true)),
    AGE,
];

const CLAIM: [Column; 8] = [
    NAME,
    Column::new("Status", 0, Text, |o, _| text(&o["status"]["phase"])),
    Column::new("Volume", 0, Text, |o, _| text(&o["spec"]["volumeName"])),
    Column::new("Capacity", 0, Text, |o, _| {
        text(&o["status"]["capacity"]["storage"])
    }),
    Column::new("Access Modes", 0, Text, access_modes),
    Column::new("StorageClass", 0, Text, |o, _| {
        text(&o["spec"]["storageClassName"])
    }),
    AGE,
    Column::new("VolumeMode", 1, Text, |o, _| {
        text_or(&o["spec"]["volumeMode"], "Filesystem")
    }),
];

const DEPLOYMENT: [Column; 8] = [
    NAME,
    Column::new("Ready", 0, Text, |o, _| ready_of(o, &o["spec"]["replicas"])),
    Column::new("Up-to-date", 0, Number, |o, _| {
        number(&o["status"]["updatedReplicas"])
    }),
    Column::new("Available", 0, Number, |o, _| {
        number(&o["status"]["availableReplicas"])
    }),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const REPLICA_SET: [Column; 8] = [
    NAME,
    Column::new("Desired", 0, Number, |o, _| {
        o["spec"]["replicas"].as_i64().unwrap_or(1).into()
    }),
    Column::new("Current", 0, Number, |o, _| {
        number(&o["status"]["replicas"])
    }),
    Column::new("Ready", 0, Number, |o, _| {
        number(&o["status"]["readyReplicas"])
    }),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const STATEFUL_SET: [Column; 5] = [
    NAME,
    Column::new("Ready", 0, Text, |o, _| ready_of(o, &o["spec"]["replicas"])),
    AGE,
    CONTAINERS,
    IMAGES,
];

const DAEMON_SET: [Column; 11] = [
    NAME,
    Column::new("Desired", 0, Number, |o, _| {
        number(&o["status"]["desiredNumberScheduled"])
    }),
    Column::new("Current", 0, Number, |o, _| {
        number(&o["status"]["currentNumberScheduled"])
    }),
    Column::new("Ready", 0, Number, |o, _| {
        number(&o["status"]["numberReady"])
    }),
    Column::new("Up-to-date", 0, Number, |o, _| {
        number(&o["status"]["updatedNumberScheduled"])
    }),
    Column::new("Available", 0, Number, |o, _| {
        number(&o["status"]["numberAvailable"])
    }),
    Column::new("Node Selector", 0, Text, |o, _| {
        pairs(&o["spec"]["template"]["spec"]["nodeSelector"])
    }),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const JOB: [Column; 8] = [
    NAME,
    Column::new("Status", 0, Text, job_status),
    Column::new("Completions", 0, Text, |o, _| {
        let done = o["status"]["succeeded"].as_i64().unwrap_or(0);
        format!("{done}/{}", o["spec"]["completions"].as_i64().unwrap_or(1)).into()
    }),
    Column::new("Duration", 0, Text, job_duration),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const CRON_JOB: [Column; 9] = [
    NAME,
    Column::new("Schedule", 0, Text, |o, _| text(&o["spec"]["schedule"])),
    Column::new("Timezone", 0, Text, |o, _| {
        text_or_none(&o["spec"]["timeZone"])
    }),
    Column::new("Suspend", 0, Text, |o, _| {
        cased(o["spec"]["suspend"].as_bool().unwrap_or(false))
    }),
    Column::new("Active", 0, Number, |o, _| {
        o["status"]["active"].as_array().map_or(0, Vec::len).into()
    }),
    Column::new("Last Schedule", 0, Text, |o, now| {
        since_or_none(&o["status"]["lastScheduleTime"], now)
    }),
    AGE,
    Column::new("Containers", 1, Text, |o, _| {
        container_list(&o["spec"]["jobTemplate"]["spec"]["template"], "name")
    }),
    Column::new("Images", 1, Text, |o, _| {
        container_list(&o["spec"]["jobTemplate"]["spec"]["template"], "image")
    }),
];

const ENDPOINT_SLICE: [Column; 5] = [
    NAME,
    Column::new("AddressType", 0, Text, |o, _| text(&o["addressType"])),
    Column::new("Ports", 0, Text, |o, _| {
        joined(&o["ports"], |port| port["port"].to_string())
    }),
    Column::new("Endpoints", 0, Text, endpoints),
    AGE,
];

const INGRESS: [Column; 6] = [
    NAME,
    Column::new("Class", 0, Text, |o, _| {
        text_or_none(&o["spec"]["ingressClassName"])
    }),
    Column::new("Hosts", 0, Text, |o, _| {
        joined(&o["spec"]["rules"], |rule| {
            rule["host"].as_str().unwrap_or("*").to_owned()
        })
    }),
    Column::new("Address", 0, Text, |o, _| balancer(o, "")),
    Column::new("Ports", 0, Text, |o, _| {
        if o["spec"]["tls"].is_array() {
            "80, 443".into()
        } else {
            "80".into()
        }
    }),
    AGE,
];

const URL_SOURCE: [Column; 5] = [
    NAME,
    Column::new("URL", 0, Text, |o, _| text(&o["spec"]["url"])),
    AGE,
    READY,
    STATUS,
];

const OCI_REPOSITORY: [Column; 5] = [
    NAME,
    Column::new("URL", 0, Text, |o, _| text(&o["spec"]["url"])),
    READY,
    STATUS,
    AGE,
];

const HELM_CHART: [Column; 8] = [
    NAME,
    Column::new("Chart", 0, Text, |o, _| text(&o["spec"]["chart"])),
    Column::new("Version", 0, Text, |o, _| {
        text_or(&o["spec"]["version"], "*")
    }),
    Column::new("Source Kind", 0, Text, |o, _| {
        text(&o["spec"]["sourceRef"]["kind"])
    }),
    Column::new("Source Name", 0, Text, |o, _| {
        text(&o["spec"]["sourceRef"]["name"])
    }),
    AGE,
    READY,
    STATUS,
];

const BUCKET: [Column; 5] = [
    NAME,
    Column::new("Endpoint", 0, Text, |o, _| text(&o["spec"]["endpoint"])),
    AGE,
    READY,
    STATUS,
];

const RECONCILED: [Column; 4] = [NAME, AGE, READY, STATUS];

const IMAGE_REPOSITORY: [Column; 7] = [
    NAME,
    Column::new("Image", 0, Text, |o, _| text(&o["spec"]["image"])),
    Column::new("Tags", 0, Text, |o, _| {
        o["status"]["lastScanResult"]["tagCount"]
            .as_i64()
            .map_or("".into(), |count| count.to_string().into())
    }),
    READY,
    STATUS,
    AGE,
    Column::new("Last Scan", 1, Text, |o, _| {
        text(&o["status"]["lastScanResult"]["scanTime"])
    }),
];

const IMAGE_POLICY: [Column; 6] = [
    NAME,
    Column::new("Image", 0, Text, |o, _| {
        text(&o["status"]["latestRef"]["name"])
    }),
    Column::new("Tag", 0, Text, |o, _| {
        text(&o["status"]["latestRef"]["tag"])
    }),
    READY,
    STATUS,
    AGE,
];

const IMAGE_AUTOMATION: [Column; 6] = [
    NAME,
    READY,
    STATUS,
    AGE,
    Column::new("Last Run", 1, Text, |o, _| {
        text(&o["status"]["lastAutomationRunTime"])
    }),
    Column::new("Last Push", 1, Text, |o, _| {
        text(&o["status"]["lastPushTime"])
    }),
];

const DEFINITION: [Column; 2] = [
    NAME,
    Column::new("Created At", 0, Text, |o, _| {
        text(&o["metadata"]["creationTimestamp"])
    }),
];
