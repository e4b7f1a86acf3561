"""What object storage, or the way to it, has refused: in words, with what to type next."""

from __future__ import annotations

from curate.errors import CurateError, StorageError

# By name: the libraries that raise them are loaded only where such an address is used.
_UNKNOWN = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "SSOTokenLoadError",
    "UnauthorizedSSOTokenError",
    "DefaultCredentialsError",
    "RefreshError",
    "ProfileNotFound",
}
_REFUSED = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed"}
_LIBRARIES = {"aiobotocore", "aiohttp", "botocore", "fsspec", "gcsfs", "google", "s3fs"}
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or: aws configure; a public bucket: FSSPEC_S3_ANON=true",
    "gs": "gcloud auth application-default login; a public bucket: FSSPEC_GS_TOKEN=anon",
}
_SERVER = {
    "s3": "AWS_ENDPOINT_URL says which server is asked",
    "gs": "STORAGE_EMULATOR_HOST says which server is asked",
}


def explained(error: BaseException, where: str | None = None) -> StorageError | None:
    """Return in words what a storage, or the way to it, has refused; None for an error of anything else."""
    chain = [error, *filter(None, (error.__cause__, error.__context__))]
    kinds = {type(each).__name__ for each in chain}
    outside = any(type(each).__module__.partition(".")[0] in _LIBRARIES for each in chain)
    if isinstance(error, CurateError) or not (outside or (where and "://" in where and isinstance(error, OSError))):
        return None
    codes = {str(getattr(each, "response", None) and each.response["Error"].get("Code")) for each in chain}  # type: ignore[attr-defined]
    found = " ".join(str(error).split()) or type(error).__name__
    protocol = (where or "s3://").partition("://")[0]
    if kinds & _UNKNOWN:
        what, hint = "there are no credentials for the object storage", _CREDENTIALS.get(protocol, "")
    elif codes & _REFUSED:
        what, hint = "the object storage does not accept the credentials", _CREDENTIALS.get(protocol, "")
    elif "NoSuchBucket" in codes or (isinstance(error, FileNotFoundError) and "bucket does not exist" in found.lower()):
        what, hint = "there is no such bucket", "mend the address, or make the bucket, then type the same again"
    elif isinstance(error, FileNotFoundError):
        return None
    elif isinstance(error, PermissionError):
        what = "the object storage does not permit it"
        hint = "ask its owner for the right to list, read and write there, then type the same again"
    elif not isinstance(error, OSError) or isinstance(error, ConnectionError | TimeoutError):
        what = "the object storage cannot be reached"
        hint = f"look whether it is up ({_SERVER.get(protocol, 'and its address')}), then type the same again"
    else:
        what, hint = "the object storage refused", "mend that, then type the same again"
    return StorageError(what, where=where, found=found, hint=hint)
