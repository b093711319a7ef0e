"""Serves ui/dist with mock.js in the shell's place, under the window's own Content-Security-Policy."""
import functools
import http.server
import pathlib
import sys

UI = pathlib.Path(__file__).resolve().parent.parent
CSP = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self' ipc: http://ipc.localhost; base-uri 'none'; form-action 'none'; object-src 'none'"
)


class Page(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        name = path.split("?")[0].split("#")[0].lstrip("/")
        if name.startswith("mock/"):
            return str(UI / name)
        return str(pathlib.Path(self.directory) / name)

    def do_GET(self):
        if self.path.split("?")[0] == "/":
            page = (pathlib.Path(self.directory) / "index.html").read_text()
            page = page.replace("<script type", '<script src="./mock/mock.js"></script>\n<script type', 1).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
        else:
            super().do_GET()

    def end_headers(self):
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    dist = sys.argv[1] if len(sys.argv) > 1 else str(UI / "dist")
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8420
    http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Page, directory=dist)).serve_forever()
