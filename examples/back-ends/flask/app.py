import json
import os

import requests
from flask import Flask, request

SERVER = os.environ.get("OPENVIDU_URL", "http://localhost:4443")
SECRET = os.environ.get("OPENVIDU_SECRET", "MY_SECRET")
PAGES = os.path.abspath(os.environ.get("PAGES", "../../front-ends/dist"))

app = Flask(__name__, static_folder=PAGES, static_url_path="")


def post(path, body):
    return requests.post(
        f"{SERVER}/openvidu/api/{path}", json=body, auth=("OPENVIDUAPP", SECRET), timeout=10
    )


@app.post("/api/token")
def token():
    wish = request.get_json()
    # Here an application asks whether this user may enter this room, and takes the name from its own login.
    session = post("sessions", {"customSessionId": wish["room"]})
    # 409: the room is there already.
    if session.status_code != 409:
        session.raise_for_status()
    connection = post(
        f"sessions/{wish['room']}/connection",
        {"role": "PUBLISHER", "data": json.dumps({"name": wish["name"]})},
    )
    connection.raise_for_status()
    return {"token": connection.json()["token"]}
