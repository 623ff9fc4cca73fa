# {"value": true}
import csv, datetime, decimal, hashlib, http.client, io, json, logging, random, re, socket, sqlite3
import ssl, tempfile, urllib.parse, uuid, xml.etree.ElementTree, zlib


def main():
    with tempfile.NamedTemporaryFile() as file:
        file.write(uuid.uuid4().bytes)
    sqlite3.connect(":memory:").execute("select 1")
    return random.random() < 1
