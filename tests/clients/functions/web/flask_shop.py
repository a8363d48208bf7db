import hashlib

from apig_wsgi import make_lambda_handler
from flask import Flask, Response, abort, jsonify, make_response, redirect, request
from flask_compress import Compress
from flask_cors import CORS
from werkzeug.exceptions import HTTPException

app = Flask(__name__)
app.config["COMPRESS_MIN_SIZE"] = 1000
app.config["COMPRESS_MIMETYPES"] = ["text/plain"]
app.json.sort_keys = False
Compress(app)
CORS(
    app,
    origins=["https://shop.example"],
    methods=["GET", "POST"],
    allow_headers=["x-own"],
    supports_credentials=True,
)


@app.get("/")
def home():
    return "<h1>Tee für alle</h1>"


@app.get("/items/<path:name>")
def item(name):
    return {"name": name, "query": list(request.args.items(multi=True)), "url": request.url}


@app.get("/seen")
def seen():
    return {
        "client": request.remote_addr,
        "agent": request.headers.get("user-agent"),
        "accept": request.headers.get("accept"),
    }


@app.post("/orders")
def order():
    ordered = request.get_json()
    if not isinstance(ordered.get("item"), str):
        abort(422, "no item")
    return {"count": 1, **ordered}, 201, {"location": "/orders/1"}


@app.post("/login")
def login():
    if request.form["password"] != "påss & word":
        abort(403, "wrong password")
    answer = redirect("/me", 303)
    answer.autocorrect_location_header = False
    answer.set_cookie("session", request.form["user"], httponly=True, path="/")
    answer.headers.add("set-cookie", "theme=dark; Max-Age=60; Path=/")
    return answer


@app.get("/me")
def me():
    return dict(sorted(request.cookies.items()))


@app.get("/download")
def download():
    headers = {"content-disposition": 'attachment; filename="all.bin"'}
    return Response(bytes(range(256)), mimetype="application/octet-stream", headers=headers)


@app.get("/long")
def long():
    return Response("tea, " * 1000, mimetype="text/plain")


@app.post("/upload")
def upload():
    file = request.files["file"]
    content = file.read()
    return {
        "name": file.filename,
        "type": file.mimetype,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "note": request.form["note"],
    }


@app.delete("/orders/<int:number>")
def cancel(number):
    return "", 204


@app.get("/cached")
def cached():
    answer = make_response({"cached": True})
    answer.set_etag("v1")
    return answer.make_conditional(request)


@app.route("/any", methods=["GET", "PUT", "PATCH", "DELETE"])
def any_method():
    return {"method": request.method, "body": request.get_data(as_text=True)}


@app.get("/broken")
def broken():
    raise RuntimeError("a secret of the shop")


@app.errorhandler(Exception)
def failed(error):
    if isinstance(error, HTTPException):
        detail = "Not Found" if error.code == 404 else error.description
        return jsonify(detail=detail), error.code
    return Response("Internal Server Error", 500, mimetype="text/plain")


handler = make_lambda_handler(app)
