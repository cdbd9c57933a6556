package main

import (
	"net/http"
	"regexp"
	"testing"
	"time"
)

// A customer sees where she is signed in, and signs out there.
func TestDevices(t *testing.T) {
	site := openSite(t, newSQLite(t))
	phone, laptop, stranger := site.visitor(t), site.visitor(t), site.visitor(t)
	phone.signIn("ada", "lovelace")
	site.clock.Advance(2 * time.Hour)
	laptop.signIn("ada", "lovelace")
	stranger.signIn("demo", "demo")
	site.clock.Advance(5 * time.Minute)
	phone.post("/add", "product", "ink")
	site.clock.Advance(3 * time.Minute)

	laptop.get("/devices").want(t, http.StatusOK,
		"Signed in 8 min ago from 127.0.0.1", "Last active 8 min ago",
		"Signed in 2 hours ago from 127.0.0.1", "Last active 3 min ago")
	page := laptop.get("/devices")
	page.want(t, http.StatusOK, "Your devices", "this one", "Sign out the others")
	ids := regexp.MustCompile(`name="id" value="([0-9a-v]{40})"`).FindAllStringSubmatch(page.body, -1)
	if len(ids) != 1 {
		t.Fatalf("the page offers to end %d sessions, want the other one", len(ids))
	}
	stranger.post("/devices/end", "id", ids[0][1])
	phone.get("/orders").want(t, http.StatusOK, "Your orders")
	laptop.post("/devices/end", "id", "").want(t, http.StatusOK, "It was not signed in any more.")
	laptop.post("/devices/end", "id", ids[0][1]).want(t, http.StatusOK, "Signed out there: A browser.")
	phone.get("/orders").want(t, http.StatusOK, "Please sign in first.")

	phone.signIn("ada", "lovelace")
	laptop.post("/devices/end-others").want(t, http.StatusOK, "Signed out everywhere else.")
	phone.get("/orders").want(t, http.StatusOK, "Please sign in first.")
	laptop.get("/orders").want(t, http.StatusOK, "Your orders")
	stranger.get("/orders").want(t, http.StatusOK, "Your orders")
	laptop.post("/signout").want(t, http.StatusOK, "Goodbye, ada. You are signed out.")
	laptop.get("/devices").want(t, http.StatusOK, "Please sign in first.")
}

// To end a session needs a sign-in of the last minutes. Source: OWASP ASVS 7.5.2.
func TestDevicesAskAgain(t *testing.T) {
	site := openSite(t, newSQLite(t))
	phone, laptop := site.visitor(t), site.visitor(t)
	phone.signIn("ada", "lovelace")
	laptop.signIn("ada", "lovelace")
	site.clock.Advance(freshFor + time.Second)
	for _, path := range []string{"/devices/end", "/devices/end-others"} {
		id := regexp.MustCompile(`name="id" value="([0-9a-v]{40})"`).FindStringSubmatch(laptop.get("/devices").body)[1]
		laptop.post(path, "id", id).want(t, http.StatusOK, "Is it you?")
	}
	phone.get("/orders").want(t, http.StatusOK, "Your orders")
	laptop.post("/confirm/devices", "password", "wrong").want(t, http.StatusUnauthorized, "The password is wrong.")
	laptop.post("/confirm/devices", "password", "lovelace").want(t, http.StatusOK, "Your devices")
	laptop.post("/devices/end-others").want(t, http.StatusOK, "Signed out everywhere else.")
	phone.get("/orders").want(t, http.StatusOK, "Please sign in first.")
}

func TestBrowserOf(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                  "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":   "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604": "Safari on iPhone",
		"curl/8.0": "A browser",
	} {
		if got := browserOf(agent); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}
