// Package django has the tests that run a Gin program beside a real Django site, on the same
// sessions. There is nothing in it to import.
//
// They run the Django that /usr/bin/python3 or python3 finds: make test takes the
// distribution's, make test-django DJANGO=/path the one in that folder.
package django
