package ginsession

import (
	"bytes"
	"fmt"
	"time"

	"github.com/ginsession/ginsession/internal/sqlpool"
)

// date returns t as the database stores it.
func (s *dbStore) date(t time.Time) any {
	if s.dialect.textDates {
		return textDate(t.In(s.zone))
	}
	return t.UTC()
}

// moment returns now to be compared with what is stored. As text it has all its digits: it is
// then no less than a whole second that is stored without a fraction, as Django does, or with
// one, as earlier versions did.
func (s *dbStore) moment(now time.Time) any {
	if s.dialect.textDates {
		return textMoment(now.In(s.zone))
	}
	return now.UTC()
}

// textDate writes a date as Django does in a database that keeps it as text: Python's
// str(datetime), which has no fraction of a whole second.
func textDate(t time.Time) string {
	text := textMoment(t)
	if t.Nanosecond() < 1000 {
		return text[:len(text)-len(".000000")]
	}
	return text
}

// textMoment is t.Format("2006-01-02 15:04:05.000000"), at the speed that package time has for
// RFC 3339 only.
func textMoment(t time.Time) string {
	var buf [len("2006-01-02T15:04:05.999999+00:00")]byte
	b := t.AppendFormat(buf[:0], time.RFC3339)
	end := bytes.IndexByte(b, 'T')
	b[end] = ' '
	b = append(b[:end+len(" 15:04:05")], '.')
	for micros, unit := t.Nanosecond()/1000, 100_000; unit > 0; unit /= 10 {
		b = append(b, byte('0'+micros/unit%10))
	}
	return string(b)
}

// scan reads a row of the load statement, or returns its error and no record.
func (s *dbStore) scan(row sqlpool.Row) (Record, error) {
	var columns struct {
		data, text string
		date       time.Time
	}
	var err error
	if s.dialect.textDates {
		if err = row.Scan(&columns.data, &columns.text); err == nil {
			columns.date, err = parseTextDate(columns.text, s.zone)
		}
	} else {
		err = row.Scan(&columns.data, &columns.date)
	}
	if err != nil {
		return Record{}, err
	}
	return Record{Data: bytesOf(columns.data), Expires: columns.date}, nil
}

// parseTextDate reads a date as a database's text, with or without a fraction or an offset.
func parseTextDate(text string, zone *time.Location) (time.Time, error) {
	if zone == time.UTC {
		if t, ok := parseOwnDate(text); ok {
			return t, nil
		}
	}
	t, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", text, zone)
	if err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("ginsession: expire_date holds %q, which is no date", text)
}

// parseOwnDate reads what textDate has written in UTC, at the speed that package time has for
// RFC 3339 only.
func parseOwnDate(text string) (t time.Time, ok bool) {
	const separator = len("2006-01-02")
	if len(text) <= separator || text[separator] != ' ' {
		return t, false
	}
	var buf [len("2006-01-02T15:04:05.999999Z")]byte
	b := append(append(buf[:0], text...), 'Z')
	b[separator] = 'T'
	return t, t.UnmarshalText(b) == nil
}
