package ginsession

// The test cookie tells whether a browser accepts cookies: set it while showing a form, look
// for it when the form comes back. Source: Django's set_test_cookie and its relatives.
const (
	testCookieKey   = "testcookie"
	testCookieValue = "worked"
)

// SetTestCookie sets the test value, so that the response sends the session's cookie. Source:
// Django's set_test_cookie.
func (s *Session) SetTestCookie() { s.Set(testCookieKey, testCookieValue) }

// TestCookieWorked reports whether the test value of an earlier request has come back.
// Source: Django's test_cookie_worked.
func (s *Session) TestCookieWorked() bool { return s.Get(testCookieKey) == testCookieValue }

// DeleteTestCookie removes the test value; its errors are those of [Session.Delete]. Source:
// Django's delete_test_cookie.
func (s *Session) DeleteTestCookie() error { return s.Delete(testCookieKey) }
