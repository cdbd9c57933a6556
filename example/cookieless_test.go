package main

import (
	"net/http"
	"strings"
	"testing"
)

// A visitor who blocks cookies is told why the cart stays empty.
func TestCartWithoutCookies(t *testing.T) {
	const told = "Your browser did not keep our cookie, so Bottled ink is not in your cart. Allow cookies for this site, then add it again."
	forEachEngine(t, func(t *testing.T, f engineFlags) {
		site := openSiteOn(t, newSQLite(t), f)
		v := site.visitor(t)
		v.client.Jar = nil
		for range 2 {
			v.post("/add", "product", "ink").want(t, http.StatusOK, told, `role="alert"`, "Paper and ink")
			v.post("/cart", "product", "ink", "change", "2").want(t, http.StatusOK, told, `role="alert"`, "Your cart")
		}
		v.get("/?added=yacht").want(t, http.StatusOK, "Paper and ink")
		if got := v.get("/?added=yacht"); strings.Contains(got.body, "did not keep") {
			t.Errorf("there is a notice for a product that does not exist:\n%s", got.body)
		}

		keeps := site.visitor(t)
		got := keeps.post("/add", "product", "ink")
		got.want(t, http.StatusOK, "Bottled ink: added to your cart.")
		if strings.Contains(got.body, "did not keep") {
			t.Errorf("the browser kept the cookie, and is told otherwise:\n%s", got.body)
		}
		if again := keeps.get("/?added=ink"); strings.Contains(again.body, "did not keep") || strings.Contains(again.body, `role="status"`) {
			t.Errorf("a page that was loaded again has a notice:\n%s", again.body)
		}
	})
}

// The address says what was added only if the visitor had no session.
func TestAddedInAddress(t *testing.T) {
	site := openSite(t, newSQLite(t))
	location := func(v *visitor, path, change string) string {
		t.Helper()
		got := v.post(path, "product", "ink", "change", change)
		got.want(t, http.StatusSeeOther)
		return got.header.Get("Location")
	}
	v := site.visitor(t).withoutRedirects()
	for _, test := range []struct{ path, want string }{{"/cart", "/cart?added=ink"}, {"/add", "/"}, {"/cart", "/cart"}} {
		if got := location(v, test.path, "1"); got != test.want {
			t.Errorf("%s leads to %q, want %q", test.path, got, test.want)
		}
	}
	if got := location(site.visitor(t).withoutRedirects(), "/cart", "-1"); got != "/cart" {
		t.Errorf("taking from a cart leads to %q, want /cart", got)
	}
}
