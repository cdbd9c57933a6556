package nginx_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Behind a page cache, the example shows nobody the account or the cart of another.
func TestShop(t *testing.T) {
	front := startNginx(t, startShop(t), "proxy_ignore_headers Set-Cookie;")
	demo, stranger := newBrowser(t), newBrowser(t)
	ask(t, demo, http.MethodGet, front+"/signin", nil)
	ask(t, demo, http.MethodPost, front+"/signin", url.Values{"name": {"demo"}, "password": {"demo"}})
	ask(t, demo, http.MethodPost, front+"/add", url.Values{"product": {"ink"}})
	for _, path := range []string{"/", "/cart", "/orders", "/session", "/signin", "/nowhere"} {
		own := ask(t, demo, http.MethodGet, front+path, nil)
		if path == "/" && !strings.Contains(own, "demo") {
			t.Fatalf("demo is not signed in: %s", own)
		}
		if got := ask(t, stranger, http.MethodGet, front+path, nil); got == own || strings.Contains(got, "Sign out") {
			t.Errorf("%s: the stranger gets %s", path, got)
		}
		if again := ask(t, demo, http.MethodGet, front+path, nil); strings.Contains(own, "Sign out") != strings.Contains(again, "Sign out") {
			t.Errorf("%s: demo gets %s", path, again)
		}
	}
	at, err := url.Parse(front)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := demo.Jar.Cookies(at), stranger.Jar.Cookies(at); len(a) != 1 || len(b) > 1 || len(b) == 1 && a[0].Value == b[0].Value {
		t.Errorf("demo has %d cookies, the stranger %d: the same one?", len(a), len(b))
	}
}

// startShop builds the example and starts it, and returns its address.
func startShop(t *testing.T) string {
	t.Helper()
	findNginx(t) // before anything is built for nothing
	dir := t.TempDir()
	program := filepath.Join(dir, "shop")
	if output, err := exec.Command("go", "build", "-o", program, "github.com/ginsession/ginsession/example").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	cmd := exec.Command(program, "-addr=127.0.0.1:0", "-dsn=sqlite:"+filepath.Join(dir, "shop.db"))
	cmd.Env = append(os.Environ(), "GIN_MODE=release")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	said := bufio.NewScanner(stdout)
	for said.Scan() {
		if _, rest, found := strings.Cut(said.Text(), "http://"); found {
			address, _, _ := strings.Cut(rest, " ")
			go func() { _, _ = io.Copy(io.Discard, stdout) }() // its log of requests
			return "http://" + address
		}
	}
	t.Fatal("the shop has ended")
	return ""
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// ask follows redirects, and returns the page.
func ask(t *testing.T, b *http.Client, method, address string, form url.Values) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}
