use std::cell::Cell;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

use lambda_runtime::streaming::{channel, Body, Response};
use lambda_runtime::{service_fn, Context, Error, LambdaEvent};
use serde::Deserialize;
use serde_json::value::{to_raw_value, RawValue};
use serde_json::{json, Value};

#[derive(Deserialize)]
struct Event {
    r#do: String,
    value: Option<Box<RawValue>>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    megabytes: usize,
    #[serde(default)]
    status: i32,
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    bytes: usize,
}

#[derive(Deserialize)]
struct Streamed {
    #[serde(default)]
    texts: Vec<String>,
    #[serde(default)]
    fail: bool,
    #[serde(default)]
    gate: u16,
    #[serde(default)]
    times: usize,
    body: Option<String>, // of a request to a function URL: the event itself
}

thread_local! {
    static COUNTER: Cell<u64> = const { Cell::new(0) };
}

async fn handler(event: LambdaEvent<Event>) -> Result<Box<RawValue>, Error> {
    let (event, context) = event.into_parts();
    let value = match event.r#do.as_str() {
        "echo" => return Ok(event.value.unwrap_or_else(|| RawValue::NULL.to_owned())),
        "context" => describe(&context),
        "environment" => json!(std::env::vars().collect::<HashMap<_, _>>()),
        "process" => json!({
            "directory": std::env::current_dir()?,
            "uid": unsafe { libc::getuid() },
            "gid": unsafe { libc::getgid() },
            "pid": std::process::id(),
        }),
        "write" => json!(write(&event.path, event.megabytes).is_ok()),
        "exists" => json!(std::path::Path::new(&event.path).exists()),
        "remove" => json!(std::fs::remove_file(&event.path)?),
        "count" => json!(COUNTER.with(|counter| {
            counter.set(counter.get() + 1);
            counter.get()
        })),
        "say" => {
            println!("out: {}", event.text);
            eprintln!("err: {}", event.text);
            Value::Null
        }
        "fail" => return Err(event.message.into()),
        "exit" => std::process::exit(event.status),
        "signal" => {
            unsafe { libc::raise(libc::SIGKILL) };
            Value::Null
        }
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(event.ms)).await;
            json!(context.env_config.log_stream)
        }
        "large" => json!("x".repeat(event.bytes)),
        _ => return Err("unknown event".into()),
    };
    Ok(to_raw_value(&value)?)
}

/// What is written goes out at once; between the first two texts it waits for a gate to open.
async fn streaming(event: LambdaEvent<Streamed>) -> Result<Response<Body>, Error> {
    let event = match &event.payload.body {
        Some(body) => serde_json::from_str(body)?,
        None => event.payload,
    };
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for (i, text) in event.texts.into_iter().enumerate() {
            if i == 1 && event.gate != 0 {
                tokio::task::spawn_blocking(move || wait_for(event.gate)).await.unwrap();
            }
            if sender.send_data(text.repeat(event.times.max(1)).into()).await.is_err() {
                return;
            }
        }
        if event.fail {
            sender.abort();
        }
    });
    Ok(Response::from(body))
}

fn wait_for(gate: u16) {
    if let Ok(mut connection) = std::net::TcpStream::connect(("127.0.0.1", gate)) {
        let _ = connection.read_to_end(&mut Vec::new());
    }
}

fn describe(context: &Context) -> Value {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    json!({
        "requestId": context.request_id,
        "functionArn": context.invoked_function_arn,
        "remainingMs": left.as_millis() as u64,
        "functionName": context.env_config.function_name,
        "functionVersion": context.env_config.version,
        "memoryMb": context.env_config.memory,
        "logGroup": context.env_config.log_group,
        "logStream": context.env_config.log_stream,
        "clientContext": context.client_context.as_ref().map(|client| json!({"custom": client.custom})),
        "identity": context.identity.as_ref().map(|identity| json!({
            "cognitoIdentityId": identity.identity_id,
            "cognitoIdentityPoolId": identity.identity_pool_id,
        })),
        "traceId": context.xray_trace_id,
    })
}

fn write(path: &str, megabytes: usize) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    let block = vec![0; 1024 * 1024];
    for _ in 0..megabytes {
        file.write_all(&block)?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("SCENARIO_INIT").as_deref() {
        Ok("fail") => return Err("init failed".into()),
        Ok("exit") => std::process::exit(3),
        Ok("sleep") => std::thread::sleep(Duration::from_secs(20)),
        Ok("say") => println!("said in init"),
        _ => {}
    }
    if std::env::var("_HANDLER").as_deref() == Ok("app.streaming") {
        return lambda_runtime::run(service_fn(streaming)).await;
    }
    lambda_runtime::run(service_fn(handler)).await
}
