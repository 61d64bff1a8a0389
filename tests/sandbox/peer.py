"""A tiny Bolt app that does one thing per surface: the sandbox's own tests talk to it, in a process of its own."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from sandbox.names import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET


def button(text: str, action_id: str, value: str = "1", **more) -> dict[str, Any]:
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": text},
        "action_id": action_id,
        "value": value,
        **more,
    }


def section(text: str, **more) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def everything() -> list[dict[str, Any]]:
    """A message with most of Block Kit in it."""
    menu = {
        "type": "overflow",
        "action_id": "more",
        "options": [{"text": {"type": "plain_text", "text": f"Choice {n}"}, "value": str(n)} for n in (1, 2, 3)],
    }
    select = {
        "type": "static_select",
        "action_id": "static",
        "placeholder": {"type": "plain_text", "text": "Choose a label"},
        "options": [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("Jazz", "Rain")],
    }
    external = {
        "type": "external_select",
        "action_id": "labels",
        "placeholder": {"type": "plain_text", "text": "Type a label"},
        "min_query_length": 1,
    }
    return [
        {"type": "header", "text": {"type": "plain_text", "text": ":musical_note: Clips like 1OU19ANx4fg"}},
        section(
            "*1.* <https://youtu.be/ELq5Oxwcmfs?t=30|Ska band, live> · `ELq5Oxwcmfs_30000` · *Music*, _Ska_",
            accessory=menu,
        ),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "0:30–0:40 · 81 % alike · 5 &lt; 6 ~old~"}]},
        {"type": "divider"},
        section("> quoted line\n• first\n• second\n```code <b> & more```"),
        {"type": "section", "fields": [{"type": "mrkdwn", "text": f"*Field {n}*\nvalue"} for n in (1, 2)]},
        {
            "type": "actions",
            "elements": [
                button("Next ten", "next", style="primary"),
                button("Delete", "delete", style="danger"),
                select,
                external,
            ],
        },
    ]


def modal(state: str = "") -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "ask",
        "private_metadata": state,
        "title": {"type": "plain_text", "text": "Find similar clips"},
        "submit": {"type": "plain_text", "text": "Find"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": [
            section("Give a clip id, or audio files."),
            {
                "type": "input",
                "block_id": "clip",
                "optional": True,
                "label": {"type": "plain_text", "text": "Clip"},
                "hint": {"type": "plain_text", "text": "A video id or a YouTube link"},
                "element": {"type": "plain_text_input", "action_id": "clip"},
            },
            {
                "type": "input",
                "block_id": "files",
                "optional": True,
                "label": {"type": "plain_text", "text": "Audio files"},
                "element": {"type": "file_input", "action_id": "files", "filetypes": ["wav", "mp3"], "max_files": 10},
            },
            {
                "type": "input",
                "block_id": "only",
                "optional": True,
                "label": {"type": "plain_text", "text": "Only these labels"},
                "element": {"type": "multi_external_select", "action_id": "labels", "min_query_length": 1},
            },
        ],
    }


def build(client: WebClient) -> App:
    app = App(client=client, signing_secret=SIGNING_SECRET)

    @app.command("/similar")
    def similar(ack, command, respond, client):
        if command["text"] == "never":
            time.sleep(5)
        ack("at once" if command["text"] == "ack" else "")
        if command["text"] == "":
            client.views_open(trigger_id=command["trigger_id"], view=modal("start"))
        elif command["text"] == "all":
            respond(text="everything", blocks=everything(), response_type="in_channel")
        elif command["text"] == "six":
            for number in range(6):
                respond(text=f"post {number}")
        elif command["text"] != "ack":
            respond(
                text=f"you asked for {command['text']}",
                blocks=[
                    section(f"you asked for {command['text']}"),
                    {"type": "actions", "elements": [button("Again", "again", command["text"])]},
                ],
            )

    @app.action("again")
    def again(ack, action, respond):
        ack()
        respond(
            text=f"again {action['value']}",
            blocks=[
                section(f"again {action['value']}"),
                {"type": "actions", "elements": [button("Again", "again", action["value"] + "!")]},
            ],
            replace_original=True,
        )

    @app.action("next")
    def following(ack, body, client):
        ack()
        client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="edited", blocks=[section("the next ten")]
        )

    @app.action("ask")
    def ask(ack, body, client):
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=modal("home"))

    @app.action("more")
    @app.action("static")
    @app.action("labels")
    def chosen(ack, action, respond):
        ack()
        respond(text=f"chose {action['selected_option']['value']}", replace_original=False)

    @app.options("labels")
    def labels(ack, payload):
        known = ["Jazz", "Jazz guitar", "Rain"]
        found = [name for name in known if payload["value"].lower() in name.lower()]
        ack(options=[{"text": {"type": "plain_text", "text": name}, "value": name} for name in found])

    @app.view("ask")
    def asked(ack, view, client, body):
        values = view["state"]["values"]
        clip = values["clip"]["clip"]["value"]
        files = values["files"]["files"]["files"]
        chosen = [option["value"] for option in values["only"]["labels"]["selected_options"]]
        if not clip and not files:
            ack(response_action="errors", errors={"clip": "Give a clip or a file."})
            return
        ack()
        names = ", ".join(file["name"] for file in files)
        client.chat_postMessage(channel=body["user"]["id"], text=f"clip {clip}; files {names}; only {chosen}")

    @app.shortcut("find_similar")
    def find(ack, shortcut, respond):
        ack()
        respond(text=f"similar to {shortcut['message']['text']!r}")

    @app.event("file_shared")
    def shared(event, client):
        file = client.files_info(file=event["file_id"])["file"]
        shares = {**file["shares"].get("public", {}), **file["shares"].get("private", {})}
        ts = shares[event["channel_id"]][0]["ts"]
        reply = client.chat_postMessage(
            channel=event["channel_id"],
            thread_ts=ts,
            text=f"Listening to {file['name']}",
            unfurl_links=False,
            unfurl_media=False,
        )
        client.chat_update(channel=event["channel_id"], ts=reply["ts"], text=f"{file['name']} sounds like rain")

    @app.event("app_mention")
    def mentioned(event, say):
        say(text=f"heard {event['text']}", thread_ts=event["ts"])

    @app.event("message")
    def message(event, say):
        if "subtype" not in event:
            say(text=f"you said {event['text']}")

    @app.event("app_home_opened")
    def home(event, client):
        client.views_publish(
            user_id=event["user"],
            view={
                "type": "home",
                "blocks": [
                    {"type": "header", "text": {"type": "plain_text", "text": "Soundalike"}},
                    section("Finds clips that sound alike.", accessory=button("Ask", "ask", "home")),
                    {"type": "divider"},
                    {"type": "context", "elements": [{"type": "mrkdwn", "text": "22,160 clips"}]},
                ],
            },
        )

    return app


if __name__ == "__main__":
    bot = build(WebClient(BOT_TOKEN, base_url=os.environ["SLACK_API_URL"]))
    if sys.argv[1:] == ["http"]:
        from flask import Flask, request
        from slack_bolt.adapter.flask import SlackRequestHandler
        from werkzeug.serving import make_server

        flask = Flask("peer")
        handler = SlackRequestHandler(bot)
        flask.add_url_rule("/slack/events", "events", lambda: handler.handle(request), methods=["POST"])
        server = make_server("127.0.0.1", 0, flask, threaded=True)
        print(f"http://127.0.0.1:{server.port}/slack/events", flush=True)
        server.serve_forever()
    SocketModeHandler(bot, APP_TOKEN).start()
