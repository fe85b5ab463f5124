import { endpointsOf, type Framework, pathOf, quoted, secretVariable } from './framework.ts';

export const authlib: Framework = {
  id: 'authlib',
  name: 'Flask (Authlib)',
  kinds: ['web'],
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'app.py',
      language: 'python',
      text: `import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session

app = Flask(__name__)
app.secret_key = os.environ["SESSION_SECRET"]

oauth = OAuth(app)
oauth.register(
    "holdfast",
    client_id=${quoted(clientId)},
    client_secret=os.environ["${secretVariable}"],
    server_metadata_url=${quoted(endpointsOf(issuer).discovery)},
    client_kwargs={
        "scope": ${quoted(scopes.join(' '))},
        "code_challenge_method": "S256",
    },
)


@app.get("/login")
def login():
    return oauth.holdfast.authorize_redirect(${quoted(redirectUri)})


@app.get(${quoted(pathOf(redirectUri))})
def signed_in():
    token = oauth.holdfast.authorize_access_token()
    session["user"] = oauth.holdfast.userinfo(token=token)
    return redirect("/")
`,
    },
  ],
};
