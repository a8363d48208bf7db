from chalice import Chalice, Rate

app = Chalice(app_name="shop")


@app.lambda_function(name="greet")
def greet(event, context):
    return {"hello": event["name"]}


@app.schedule(Rate(5, unit=Rate.MINUTES))
def tick(event):
    return event.to_dict()


@app.on_sqs_message(queue="orders", batch_size=2)
def order(event):
    for record in event:
        print("ordered", record.body)
    return [record.body for record in event]
