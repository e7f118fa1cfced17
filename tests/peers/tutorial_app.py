"""An application as FastAPI's JWT tutorial leaves its readers with: it issues and verifies its own tokens.

The secret is a constant and the users are a dictionary, under the tutorial's names and with its values. The tests
change a copy as docs/move-from-the-fastapi-tutorial.md says (apply_tutorial_page.py), and start it with uvicorn.
"""

from datetime import datetime, timedelta, timezone
from typing import Annotated

import jwt
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from jwt.exceptions import InvalidTokenError
from pydantic import BaseModel

SECRET_KEY = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
ALGORITHM = "HS256"
ACCESS_TOKEN_EXPIRE_MINUTES = 30

fake_users_db = {
    "johndoe": {
        "username": "johndoe",
        "full_name": "John Doe",
        "email": "johndoe@example.com",
        "hashed_password": "$argon2id$v=19$m=65536,t=3,p=4$wagCPXjifgvUFBzq4hqe3w$CYaIb8sB+wtD+Vu/P4uod1+Qof8h+1g7bbDlBID48Rc",
        "disabled": False,
    }
}


class Token(BaseModel):
    access_token: str
    token_type: str


class TokenData(BaseModel):
    username: str | None = None


class User(BaseModel):
    username: str
    email: str | None = None
    full_name: str | None = None
    disabled: bool | None = None


class UserInDB(User):
    hashed_password: str


# Stands for the hash of a random password.
DUMMY_HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Zm9yIG5vIHBhc3N3b3JkIGF0IGFsbA"

oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")

app = FastAPI()


def verify_password(plain_password: str, hashed_password: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(plain_password.encode(), hashed_password)
    except InvalidKey:
        return False
    return True


def get_user(db, username: str):
    row = db.get(username)
    return UserInDB(**row) if row else None


def authenticate_user(db, username: str, password: str):
    user = get_user(db, username)
    is_correct = verify_password(password, user.hashed_password if user else DUMMY_HASH)
    return user if user and is_correct else None


def create_access_token(username: str, lifetime: timedelta) -> str:
    return jwt.encode({"sub": username, "exp": datetime.now(timezone.utc) + lifetime}, SECRET_KEY, algorithm=ALGORITHM)


def unauthorized(detail: str) -> HTTPException:
    return HTTPException(status.HTTP_401_UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})


async def get_current_user(token: Annotated[str, Depends(oauth2_scheme)]):
    try:
        payload = jwt.decode(token, SECRET_KEY, algorithms=[ALGORITHM])
        token_data = TokenData(username=payload.get("sub"))
    except InvalidTokenError:
        raise unauthorized("Could not validate credentials") from None
    user = get_user(fake_users_db, token_data.username)
    if user is None:
        raise unauthorized("Could not validate credentials")
    return user


async def get_current_active_user(current_user: Annotated[User, Depends(get_current_user)]):
    if current_user.disabled:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "Inactive user")
    return current_user


@app.post("/token")
async def login_for_access_token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token:
    user = authenticate_user(fake_users_db, form.username, form.password)
    if not user:
        raise unauthorized("Incorrect username or password")
    lifetime = timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES)
    return Token(access_token=create_access_token(user.username, lifetime), token_type="bearer")


@app.get("/users/me/")
async def read_users_me(current_user: Annotated[User, Depends(get_current_active_user)]) -> User:
    return current_user


@app.get("/users/me/items/")
async def read_own_items(current_user: Annotated[User, Depends(get_current_active_user)]):
    return [{"item_id": "Foo", "owner": current_user.username}]
