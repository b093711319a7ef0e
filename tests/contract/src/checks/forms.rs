//! Other forms of the same objects: tables as kubectl prints them, and metadata alone.

use serde_json::{Value, json};

use crate::broken::{Broken, Checked, absent, field, holds, same};
use crate::world::World;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

fn columns(table: &Value) -> Vec<&str> {
    table["columnDefinitions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|column| column["priority"] == 0)
        .filter_map(|column| column["name"].as_str())
        .collect()
}

fn cell<'a>(table: &'a Value, column: &str) -> Result<&'a Value, Broken> {
    let at = table["columnDefinitions"]
        .as_array()
        .and_then(|columns| columns.iter().position(|has| has["name"] == column));
    at.and_then(|at| table["rows"][0]["cells"].get(at))
        .ok_or_else(|| Broken::NotSo(format!("the first row has a cell {column}")))
}

pub(crate) async fn table(world: &World) -> Checked {
    let space = world.space().await?;
    world.pod(&space, "a", &["web", "proxy"]).await?;
    let call = world.api.get(&space.core("pods")).accept(TABLE);
    let table = call.gives(200).await?;
    field(&table, "/kind", "Table")?;
    field(&table, "/apiVersion", "meta.k8s.io/v1")?;
    same(
        "columns",
        &columns(&table),
        &vec!["Name", "Ready", "Status", "Restarts", "Age"],
    )?;
    field(&table, "/columnDefinitions/0/format", "name")?;
    same("Name", cell(&table, "Name")?, "a")?;
    same("Ready", cell(&table, "Ready")?, "0/2")?;
    same("Status", cell(&table, "Status")?, "Pending")?;
    let row = &table["rows"][0]["object"];
    field(row, "/kind", "PartialObjectMetadata")?;
    field(row, "/metadata/name", "a")
}

pub(crate) async fn table_of_workloads(world: &World) -> Checked {
    let space = world.space().await?;
    world.deployment(&space).await?;
    let call = world.api.get(&space.apps("deployments/web"));
    let table = call.accept(TABLE).gives(200).await?;
    let wanted = vec!["Name", "Ready", "Up-to-date", "Available", "Age"];
    same("columns", &columns(&table), &wanted)?;
    same("Ready", cell(&table, "Ready")?, "0/2")?;
    let events = world.api.get("/api/v1/events").accept(TABLE);
    let events = events.query("limit", "1").gives(200).await?;
    let wanted = vec!["Last Seen", "Type", "Reason", "Object", "Message"];
    same("columns of events", &columns(&events), &wanted)
}

pub(crate) async fn table_rows(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps");
    let ask = |include: &str| {
        let call = world.api.get(&path).accept(TABLE);
        let call = call.query("labelSelector", "value");
        call.query("includeObject", include)
    };
    let none = ask("None").gives(200).await?;
    absent(&none, "/rows/0/object")?;
    let whole = ask("Object").gives(200).await?;
    field(&whole, "/rows/0/object/kind", "ConfigMap")?;
    field(&whole, "/rows/0/object/data/value", "1")
}

pub(crate) async fn table_of_custom(world: &World) -> Checked {
    world.widgets().await?;
    let space = world.space().await?;
    let path = space.widgets("widgets");
    let widget = crate::world::widget("a", 3);
    world.api.post(&path, &widget).gives(201).await?;
    let table = world.api.get(&path).accept(TABLE).gives(200).await?;
    same("columns", &columns(&table), &vec!["Name", "Size", "Phase"])?;
    same("Size", cell(&table, "Size")?, &json!(3))?;
    same("Phase", cell(&table, "Phase")?, &Value::Null)
}

pub(crate) async fn watched_table(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let call = world.api.get(&space.core("configmaps"));
    let call = call.query("labelSelector", "value").accept(TABLE);
    let mut events = call.watch().await?;
    let first = events.expect("ADDED").await?;
    field(&first, "/kind", "Table")?;
    field(&first, "/rows/0/cells/0", "a")?;
    holds("it names its columns", !columns(&first).is_empty())?;
    world.config_map(&space, "b", "1").await?;
    let second = events.expect("ADDED").await?;
    field(&second, "/rows/0/cells/0", "b")?;
    // Columns are said once.
    holds("and names them once", columns(&second).is_empty())
}

pub(crate) async fn metadata(world: &World) -> Checked {
    let space = world.space().await?;
    world.config_map(&space, "a", "1").await?;
    let path = space.core("configmaps");
    let list = world.api.get(&path).accept(METADATA_LIST);
    let list = list.query("labelSelector", "value").gives(200).await?;
    field(&list, "/kind", "PartialObjectMetadataList")?;
    field(&list, "/apiVersion", "meta.k8s.io/v1")?;
    field(&list, "/items/0/metadata/name", "a")?;
    absent(&list, "/items/0/data")?;
    let one = world.api.get(&space.core("configmaps/a"));
    let one = one.accept(METADATA).gives(200).await?;
    field(&one, "/kind", "PartialObjectMetadata")?;
    absent(&one, "/data")?;
    let call = world.api.get(&path).accept(METADATA);
    let call = call.query("labelSelector", "value");
    let mut events = call.watch().await?;
    let event = events.expect_of("ADDED", "a").await?;
    field(&event, "/kind", "PartialObjectMetadata")
}

pub(crate) async fn unknown_form(world: &World) -> Checked {
    let accept = "application/json;as=Sculpture;v=v1;g=meta.k8s.io";
    let call = world.api.get("/api/v1/configmaps").accept(accept);
    call.refused(406, "NotAcceptable").await.map(|_| ())
}
