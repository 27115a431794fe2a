//! The answers of DynamoDB, and of STS to who calls.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::condition::holds;
use super::{ACCOUNT, ItemKey, Table, Tables, arn, key_of};

/// Items of a page of a scan.
const PAGE: usize = 1000;
/// Keys of a batch that are answered.
const BATCH: usize = 90;
/// How long earlier states are kept, in seconds.
const KEPT: i64 = 35 * 86_400;
/// How long ago the last state is to which a table can be restored.
const LAG: i64 = 300;

const CALLER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ada</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

/// A refusal: its code, and what it says.
type Refused = (&'static str, String);

pub(super) async fn answer(
    State(tables): State<Arc<Mutex<Tables>>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let Some(target) = headers.get("x-amz-target") else {
        assert!(body.contains("Action=GetCallerIdentity"), "{body}");
        return ([("content-type", "text/xml")], CALLER).into_response();
    };
    let target = target.to_str().expect("a target in ASCII");
    let operation = target.rsplit('.').next().unwrap_or_default();
    let asked: Value = serde_json::from_str(&body).expect("a request in JSON");
    let mut tables = tables.lock().expect("no answer panics");
    let kind = [("content-type", "application/x-amz-json-1.0")];
    match tables.called(operation, &asked) {
        Ok(answer) => (kind, answer.to_string()).into_response(),
        Err((code, message)) => {
            let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
            let body = json!({"__type": code, "message": message});
            (StatusCode::BAD_REQUEST, kind, body.to_string()).into_response()
        }
    }
}

impl Tables {
    fn called(&mut self, operation: &str, asked: &Value) -> Result<Value, Refused> {
        let number = self.calls(operation) + 1;
        self.calls.insert(operation.to_owned(), number);
        let due = |(of, at, _): &(&str, usize, _)| *of == operation && *at == number;
        while let Some(found) = self.events.iter().position(due) {
            let (_, _, event) = self.events.remove(found);
            if let Some(code) = event(self) {
                return Err((code, "as the test says".to_owned()));
            }
        }
        match operation {
            "DescribeTable" => self.describe(asked),
            "DescribeContinuousBackups" => self.describe_recovery(asked),
            "RestoreTableToPointInTime" => self.restore(asked),
            "DeleteTable" => {
                let (name, _) = self.table(asked, "TableName")?;
                self.tables.remove(&name);
                Ok(json!({}))
            }
            "CreateBackup" => self.back_up(asked),
            "DescribeBackup" => {
                let arn = asked["BackupArn"].as_str().unwrap_or_default();
                let backup = self.backups.get(arn);
                let (table, _) =
                    backup.ok_or_else(|| ("BackupNotFoundException", arn.to_owned()))?;
                Ok(
                    json!({"BackupDescription": {"BackupDetails": details(arn, table, "AVAILABLE")}}),
                )
            }
            "Scan" => self.scan(asked),
            "BatchGetItem" => self.get_batch(asked),
            "GetItem" => {
                let key = key_of(&asked["Key"]);
                let (_, table) = self.table(asked, "TableName")?;
                Ok(table
                    .item(&key)
                    .map_or(json!({}), |item| json!({"Item": item})))
            }
            "PutItem" => self.change(asked, &key_of(&asked["Item"]), Some(asked["Item"].clone())),
            "DeleteItem" => self.change(asked, &key_of(&asked["Key"]), None),
            other => panic!("{other} is not answered here: {asked}"),
        }
    }

    fn table(&self, asked: &Value, field: &str) -> Result<(String, &Table), Refused> {
        let name = asked[field].as_str().unwrap_or_default();
        let table = self.tables.get(name).ok_or_else(|| {
            let message = format!("Requested resource not found: Table: {name} not found");
            ("ResourceNotFoundException", message)
        })?;
        Ok((name.to_owned(), table))
    }

    fn describe(&mut self, asked: &Value) -> Result<Value, Refused> {
        let (name, table) = self.table(asked, "TableName")?;
        let is_there = table.looks_left == 0;
        let mut described = json!({
            "TableName": name,
            "TableArn": arn(&name),
            "TableStatus": if is_there { "ACTIVE" } else { "CREATING" },
        });
        if let Some((source, time)) = &table.restored {
            described["RestoreSummary"] = json!({
                "SourceTableArn": arn(source),
                "RestoreDateTime": time,
                "RestoreInProgress": !is_there,
            });
        }
        let table = self.tables.get_mut(&name).expect("it is there");
        table.looks_left = table.looks_left.saturating_sub(1);
        Ok(json!({ "Table": described }))
    }

    fn describe_recovery(&self, asked: &Value) -> Result<Value, Refused> {
        let (_, table) = self
            .table(asked, "TableName")
            .map_err(|(_, message)| ("TableNotFoundException", message))?;
        let recovery = match table.has_recovery {
            true => json!({
                "PointInTimeRecoveryStatus": "ENABLED",
                "EarliestRestorableDateTime": self.now - KEPT,
                "LatestRestorableDateTime": self.now - LAG,
            }),
            false => json!({"PointInTimeRecoveryStatus": "DISABLED"}),
        };
        Ok(json!({"ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        }}))
    }

    fn restore(&mut self, asked: &Value) -> Result<Value, Refused> {
        let (source, table) = self.table(asked, "SourceTableName")?;
        let name = asked["TargetTableName"].as_str().unwrap_or_default();
        if self.tables.contains_key(name) {
            return Err(("TableAlreadyExistsException", name.to_owned()));
        }
        let time = asked["RestoreDateTime"].as_f64().expect("a time");
        if !((self.now - KEPT) as f64..=(self.now - LAG) as f64).contains(&time) {
            return Err(("InvalidRestoreTimeException", time.to_string()));
        }
        let items = table.at(time as i64).into_iter();
        let now = self.now;
        let restored = Table {
            items: items
                .map(|(key, item)| (key, vec![(now, Some(item))]))
                .collect(),
            has_recovery: false,
            restored: Some((source, time)),
            looks_left: 2,
        };
        self.tables.insert(name.to_owned(), restored);
        Ok(json!({"TableDescription": {"TableName": name, "TableStatus": "CREATING"}}))
    }

    fn back_up(&mut self, asked: &Value) -> Result<Value, Refused> {
        let (name, table) = self.table(asked, "TableName")?;
        let items = table.at(i64::MAX);
        let arn = format!("{}/backup/{:019}", arn(&name), self.backups.len() + 1);
        let answer = json!({"BackupDetails": details(&arn, &name, "CREATING")});
        self.backups.insert(arn, (name, items));
        Ok(answer)
    }

    fn scan(&self, asked: &Value) -> Result<Value, Refused> {
        let (_, table) = self.table(asked, "TableName")?;
        let number = |field: &str, otherwise| asked[field].as_u64().unwrap_or(otherwise);
        let (segment, of) = (number("Segment", 0), number("TotalSegments", 1));
        let after = asked.get("ExclusiveStartKey").map(key_of);
        let is_in = |(pk, _): &ItemKey| pk.bytes().fold(7, hashed) % of == segment;
        let mut items = Vec::new();
        let mut last = None;
        for (key, versions) in &table.items {
            let Some((_, Some(item))) = versions.last() else {
                continue;
            };
            if !is_in(key) || after.as_ref().is_some_and(|after| key <= after) {
                continue;
            }
            if items.len() == PAGE {
                let (pk, sk): &ItemKey = last.expect("a page has items");
                let next = json!({"pk": {"S": pk}, "sk": {"S": sk}});
                return Ok(json!({"Items": items, "LastEvaluatedKey": next}));
            }
            items.push(item);
            last = Some(key);
        }
        Ok(json!({ "Items": items }))
    }

    fn get_batch(&self, asked: &Value) -> Result<Value, Refused> {
        let wanted = asked["RequestItems"].as_object().expect("tables");
        let (name, wanted) = wanted.iter().next().expect("a table");
        let (_, table) = self.table(&json!({ "TableName": name }), "TableName")?;
        let keys = wanted["Keys"].as_array().expect("keys");
        let mut different: Vec<ItemKey> = keys.iter().map(key_of).collect();
        different.sort_unstable();
        different.dedup();
        if keys.len() > 100 || different.len() < keys.len() {
            return Err(("ValidationException", "too many keys, or the same".into()));
        }
        let (now, later) = keys.split_at(keys.len().min(BATCH));
        let found = now.iter().filter_map(|key| table.item(&key_of(key)));
        let found: Vec<Value> = found.map(|item| projected(wanted, item)).collect();
        let mut answer = json!({"Responses": {name: found}, "UnprocessedKeys": {}});
        if !later.is_empty() {
            let mut left = wanted.clone();
            left["Keys"] = json!(later);
            answer["UnprocessedKeys"][name] = left;
        }
        Ok(answer)
    }

    fn change(
        &mut self,
        asked: &Value,
        key: &ItemKey,
        item: Option<Value>,
    ) -> Result<Value, Refused> {
        let (name, table) = self.table(asked, "TableName")?;
        if !holds(asked, table.item(key)) {
            let message = "The conditional request failed".to_owned();
            return Err(("ConditionalCheckFailedException", message));
        }
        self.write(&name, key.clone(), item);
        Ok(json!({}))
    }
}

fn hashed(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

/// The attributes of an item that are asked for.
fn projected(wanted: &Value, item: &Value) -> Value {
    let Some(projection) = wanted["ProjectionExpression"].as_str() else {
        return item.clone();
    };
    let names = projection.split(", ").map(|placeholder| {
        let name = wanted["ExpressionAttributeNames"][placeholder].as_str();
        name.expect("a name for the placeholder")
    });
    let attributes = names.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())));
    Value::Object(attributes.collect())
}

fn details(arn: &str, table: &str, status: &str) -> Value {
    json!({
        "BackupArn": arn,
        "BackupName": format!("{table}-{ACCOUNT}"),
        "BackupStatus": status,
        "BackupType": "USER",
        "BackupCreationDateTime": 0,
    })
}
