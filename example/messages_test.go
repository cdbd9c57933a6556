package main

import (
	"net/http"
	"strings"
	"testing"
)

// Every message is shown once, also if one form is sent after another before a page is loaded, and looks like
// what it says.
func TestMessages(t *testing.T) {
	forEachEngine(t, func(t *testing.T, f engineFlags) {
		site := openSiteOn(t, newSQLite(t), f)
		v := site.visitor(t)
		v.withoutRedirects()
		v.post("/add", "product", "ink").want(t, http.StatusSeeOther)
		v.post("/add", "product", "pen").want(t, http.StatusSeeOther)
		v.get("/").want(t, http.StatusOK,
			`<p class="message success" role="status">Bottled ink: added to your cart.</p>`,
			`<p class="message success" role="status">Fountain pen: added to your cart.</p>`)
		v.get("/orders").want(t, http.StatusSeeOther)
		v.get("/signin").want(t, http.StatusOK, `<p class="message info" role="status">Please sign in first.</p>`)
		if body := v.get("/signin").body; strings.Contains(body, `class="message`) {
			t.Errorf("a message is shown again:\n%s", body)
		}
		v.post("/signin", "name", "demo", "password", "demo").want(t, http.StatusSeeOther)
		if err := site.db.Migrator().DropTable(&order{}); err != nil {
			t.Fatal(err)
		}
		v.post("/orders").want(t, http.StatusSeeOther)
		v.get("/cart").want(t, http.StatusOK, `<p class="message error" role="alert">Your order could not be placed.`)
	})
}

// The message after sign-out is in a session of its own, which ends when the message has been shown.
func TestSignedOutMessage(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	v.signIn("demo", "demo")
	before := v.key()
	v.withoutRedirects()
	v.post("/signout").want(t, http.StatusSeeOther)
	if v.key() == "" || v.key() == before {
		t.Fatal("there is no new session for the message")
	}
	v.get("/").want(t, http.StatusOK, "Goodbye, demo. You are signed out.")
	if v.key() != "" {
		t.Error("the session of the message has outlived it")
	}
	v.post("/signout").want(t, http.StatusSeeOther) // nobody is signed in
	if v.key() != "" {
		t.Error("a sign-out of nobody has begun a session")
	}
}
