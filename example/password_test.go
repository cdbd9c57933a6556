package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// A customer who changes the password is asked for the old one if the sign-in is not fresh, and is then
// signed out everywhere else, also from a copy of the cookie.
func TestPassword(t *testing.T) {
	forEachEngine(t, func(t *testing.T, f engineFlags) {
		site := openSiteOn(t, newSQLite(t), f)
		phone, laptop, stranger := site.visitor(t), site.visitor(t), site.visitor(t)
		phone.signIn("ada", "lovelace")
		laptop.signIn("ada", "lovelace")
		stranger.signIn("demo", "demo")
		laptop.get("/password").want(t, http.StatusOK, "New password")

		site.clock.Advance(freshFor + time.Second)
		laptop.get("/password").want(t, http.StatusOK, "Is it you?")
		laptop.post("/password", "new", "analytical engine", "again", "analytical engine").want(t, http.StatusOK, "Is it you?")
		laptop.post("/confirm/password", "password", "demo").want(t, http.StatusUnauthorized, "The password is wrong.")
		laptop.get("/password").want(t, http.StatusOK, "Is it you?")
		laptop.post("/confirm/password", "password", "lovelace").want(t, http.StatusOK, "New password")
		thief := site.withKey(t, laptop.key())

		got := laptop.post("/password", "new", "analytical engine", "again", "analytical engine")
		got.want(t, http.StatusOK, "Your devices")
		laptop.get("/orders").want(t, http.StatusOK, "Your orders")
		stranger.get("/orders").want(t, http.StatusOK, "Your orders")
		if f.name == "signed_cookies" || strings.HasPrefix(f.cache, "memcached") {
			got.want(t, http.StatusOK, `class="message warning"`, "Your password is changed, but you may still be signed in elsewhere")
			phone.get("/orders").want(t, http.StatusOK, "Your orders")
		} else {
			got.want(t, http.StatusOK, "Your password is changed, and you are signed out everywhere else.")
			phone.get("/orders").want(t, http.StatusOK, "Please sign in first.")
		}
		if f.name != "signed_cookies" {
			thief.get("/orders").want(t, http.StatusOK, "Please sign in first.")
		}

		fresh := site.visitor(t)
		fresh.signIn("ada", "lovelace").want(t, http.StatusUnauthorized, "The name or the password is wrong.")
		fresh.signIn("ada", "analytical engine").want(t, http.StatusOK, "Welcome, ada.")
	})
}

// A password that cannot be taken changes nothing and ends nothing.
func TestBadPasswords(t *testing.T) {
	site := openSite(t, newSQLite(t))
	v, other := site.visitor(t), site.visitor(t)
	v.signIn("demo", "demo")
	other.signIn("demo", "demo")
	for _, test := range []struct{ password, again, want string }{
		{"", "", "It needs 8 characters or more."},
		{"sieben!", "sieben!", "It needs 8 characters or more."},
		{strings.Repeat("é", 37), strings.Repeat("é", 37), "It is too long"},
		{"analytical engine", "analytical engines", "They are not the same."},
	} {
		v.post("/password", "new", test.password, "again", test.again).want(t, http.StatusBadRequest, test.want, `aria-describedby="problem"`)
	}
	other.get("/orders").want(t, http.StatusOK, "Your orders")
	site.visitor(t).signIn("demo", "demo").want(t, http.StatusOK, "Welcome, demo.")
	v.post("/password", "new", strings.Repeat("é", 36), "again", strings.Repeat("é", 36)).want(t, http.StatusOK, "Your password is changed")
}

// A changed password is kept, on each database, when the shop starts again.
func TestPasswordIsKept(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, dsn string) {
		v := openSite(t, dsn).visitor(t)
		v.signIn("ada", "lovelace")
		v.post("/password", "new", "analytical engine", "again", "analytical engine").want(t, http.StatusOK, "Your password is changed")
		after := openSite(t, dsn)
		after.visitor(t).signIn("ada", "lovelace").want(t, http.StatusUnauthorized)
		after.visitor(t).signIn("ADA", "analytical engine").want(t, http.StatusOK, "Welcome, ada.")
		after.visitor(t).signIn("demo", "demo").want(t, http.StatusOK, "Welcome, demo.")
	})
}

func TestPasswordNeedsAnAccount(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	for _, path := range []string{"/password", "/confirm/password", "/confirm/devices"} {
		v.get(path).want(t, http.StatusOK, "Please sign in first.")
		v.post(path, "new", "analytical engine", "again", "analytical engine").want(t, http.StatusOK, "Please sign in first.")
	}
}

// If the accounts cannot be read, nobody is told that the password is wrong.
func TestAccountsOutOfReach(t *testing.T) {
	site := openSite(t, newSQLite(t))
	v := site.visitor(t)
	v.signIn("demo", "demo")
	if err := site.db.Migrator().DropTable(&account{}); err != nil {
		t.Fatal(err)
	}
	const want = "We cannot look up your account at the moment."
	v.post("/confirm/password", "password", "demo").want(t, http.StatusServiceUnavailable, want)
	v.post("/password", "new", "analytical engine", "again", "analytical engine").want(t, http.StatusServiceUnavailable, want)
	site.visitor(t).signIn("demo", "demo").want(t, http.StatusServiceUnavailable, want)
}
