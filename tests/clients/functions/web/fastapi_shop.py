import hashlib
from typing import Annotated

from fastapi import FastAPI, Form, HTTPException, Request, Response, UploadFile
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()
app.add_middleware(GZipMiddleware, minimum_size=1000)
app.add_middleware(
    CORSMiddleware,
    allow_origins=["https://shop.example"],
    allow_methods=["GET", "POST"],
    allow_headers=["x-own"],
    allow_credentials=True,
)


class Order(BaseModel):
    item: str
    count: int = 1


@app.get("/")
def home():
    return HTMLResponse("<h1>Tee für alle</h1>")


@app.get("/items/{name}")
def item(name: str, request: Request):
    return {"name": name, "query": request.query_params.multi_items(), "url": str(request.url)}


@app.get("/seen")
def seen(request: Request):
    return {
        "client": request.client.host,
        "agent": request.headers.get("user-agent"),
        "accept": request.headers.get("accept"),
    }


@app.post("/orders", status_code=201)
def order(order: Order, response: Response):
    response.headers["location"] = "/orders/1"
    return order


@app.post("/login")
def login(user: Annotated[str, Form()], password: Annotated[str, Form()]):
    if password != "påss & word":
        raise HTTPException(403, "wrong password")
    answer = RedirectResponse("/me", 303)
    answer.set_cookie("session", user, httponly=True, path="/")
    answer.set_cookie("theme", "dark", max_age=60)
    return answer


@app.get("/me")
def me(request: Request):
    return dict(sorted(request.cookies.items()))


@app.get("/download")
def download():
    headers = {"content-disposition": 'attachment; filename="all.bin"'}
    return Response(bytes(range(256)), media_type="application/octet-stream", headers=headers)


@app.get("/long")
def long():
    return PlainTextResponse("tea, " * 1000)


@app.post("/upload")
async def upload(file: UploadFile, note: Annotated[str, Form()]):
    content = await file.read()
    return {
        "name": file.filename,
        "type": file.content_type,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "note": note,
    }


@app.delete("/orders/{number}", status_code=204)
def cancel(number: int):
    return Response(status_code=204)


@app.get("/cached")
def cached(request: Request):
    if request.headers.get("if-none-match") == '"v1"':
        return Response(status_code=304, headers={"etag": '"v1"'})
    return JSONResponse({"cached": True}, headers={"etag": '"v1"'})


@app.api_route("/any", methods=["GET", "PUT", "PATCH", "DELETE"])
async def any_method(request: Request):
    return {"method": request.method, "body": (await request.body()).decode()}


@app.get("/broken")
def broken():
    raise RuntimeError("a secret of the shop")


handler = Mangum(app, lifespan="off")
