package django_test

import "testing"

// TestRotatedSecret puts a new secret key into service at one program and then at the other,
// with the old one as a fallback.
func TestRotatedSecret(t *testing.T) {
	const oldKey, newKey = "the old key", "the new key"
	db, setting := newSQLite(t)
	config := siteConfig{Database: setting, UseTZ: true, SecretKey: oldKey}
	before := startPair(t, backends[0], config, db)
	visitor := newBrowser(t)
	visitor.signIn(before.site, before.credentials)

	rotated := *before.site
	rotated.SecretKey, rotated.Fallbacks = newKey, []string{oldKey}
	shop := startShop(t, &rotated, rotated.sessionConfig(t))
	if got := visitor.cart(shop.url).User; got != before.name {
		t.Errorf("with the old key as a fallback Gin greets %q", got)
	}
	retired := rotated
	retired.Fallbacks = nil
	if got := visitor.cart(startShop(t, &retired, retired.sessionConfig(t)).url).User; got != "" {
		t.Errorf("without the old key Gin greets %q", got)
	}

	if before.site.before41() {
		return // Django has no fallbacks yet
	}
	visitor.submit(before.shop.url, "/cart/", map[string][]string{"item": {"tea"}})
	config.SecretKey, config.Fallbacks = newKey, []string{oldKey}
	after := startSite(t, config.withDefaults(t, backends[0]), db)
	if got := visitor.cart(after.url); got.User != before.name || len(got.Cart) != 1 {
		t.Errorf("with the old key as a fallback Django shows %+v", got)
	}
	if got := visitor.cart(shop.url).User; got != before.name {
		t.Errorf("after Django's renewal of the key Gin greets %q", got)
	}
}
