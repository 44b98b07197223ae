# SPDX-License-Identifier: BSD-3-Clause
# Libraries that scripts ask for: pages over sys.WebGet, time limits, .NET's System.

PAGE = ['the page'].freeze

# sys.WebGet as a command of its own, whatever core makes of it.
WEB_GET = 'def sys.WebGet(url, timeout = 0) = command("web_get", url: url, timeout: timeout); '

def self.fetches(expression, address, seconds = nil)
  plan(expression, "#{WEB_GET} sys.Log((#{expression}).inspect)", answers: PAGE, logs: ['"the page"'],
       commands: [['web_get', { url: address, timeout: seconds }.compact]])
end

plan 'libraries at the top', %q{
require 'rubygems'
require 'net/http'
require 'open-uri'
require 'mscorlib'
require 'System'
require 'System.Xml, Version=2.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089'
load_assembly 'System.Core'
require 'json'
require 'timeout'
include System
sys.Log 'ok'
}, logs: ['ok']
plan 'an unknown library', %q{require 'mechanize'}, fails: /mechanize.*net\/http/, line: 1
fetches 'Net::HTTP.get("example.com", "/a?b=1")', 'http://example.com/a?b=1'
fetches 'Net::HTTP.get(URI.parse("http://example.com/x"))', 'http://example.com/x'
fetches 'Net::HTTP.get_response(URI.parse("http://example.com/x")).body', 'http://example.com/x'
fetches 'r = Net::HTTP.get_response("example.com", "/x"); r.code == "200" && r.body', 'http://example.com/x'
fetches 'Net::HTTP.start("example.com", 8080) { |h| h.get("/y").body }', 'http://example.com:8080/y'
fetches 'Net::HTTP.start("example.com") { |h| h.request(Net::HTTP::Get.new("/y")).body }', 'http://example.com/y'
fetches 'h = Net::HTTP.new("example.com", 443); h.use_ssl = true; h.read_timeout = 3; h.get("/").body', 'https://example.com/', 3
fetches 'open("http://example.com/z").read', 'http://example.com/z'
fetches 'open("http://example.com/z") { |f| f.read }', 'http://example.com/z'
fetches 'URI.parse("http://example.com/z").read', 'http://example.com/z'
fetches 'URI.open("http://example.com/z").read', 'http://example.com/z'
plan 'a page that cannot be had', WEB_GET + %q{
begin
  Net::HTTP.get('example.com', '/')
rescue => e
  sys.Log e.message
end
}, answers: [nil], logs: ['http://example.com/ could not be fetched']
plan 'posting is refused with a remedy', %q{Net::HTTP.post_form(URI.parse('http://x'), 'a' => 1)},
     fails: /only get pages/, line: 1
plan 'files cannot be opened', %q{open('/etc/passwd')}, fails: /cannot open files/, line: 1
says 'Timeout.timeout(5) { 7 }', '7'
plan 'Timeout limits pages', WEB_GET + %q{Timeout::timeout(4) { sys.Log Net::HTTP.get('example.com', '/') }},
     answers: PAGE, commands: [['web_get', { timeout: 4 }]], logs: ['the page']
plan 'Timeout raises when it is over', %q{
begin
  Timeout.timeout(0.001) { sleep 0.01 }
rescue Timeout::Error
  sys.Log 'over'
end
}, logs: ['over']
says 'URI.escape("a b+c")', '"a%20b+c"'
says 'URI.encode("a b")', '"a%20b"'
says 'URI.unescape("a%20b")', '"a b"'
says 'JSON.parse("{\"a\":[1]}")["a"]', '[1]'
says 'Date.parse("2010-03-01").strftime("%d.%m.%y")', '"01.03.10"'
says 'Time.parse("2010-03-01 10:00 UTC").hour', '10'
says 'Digest::MD5.hexdigest("a")[0, 4]', '"0cc1"'
says 'Base64.encode64("ab").chomp', '"YWI="'
says 'BigDecimal("1.1") + 1 == BigDecimal("2.1")', 'true'
says 'StringScanner.new("ab").scan(/a/)', '"a"'
says 'require "yaml"; YAML.load("a: 1")', '{"a"=>1}'
says 'require "erb"; ERB.new("<%= 1 + 1 %>").result', '"2"'
says 'System::Convert.ToInt32("12")', '12'
says 'System::Int32.Parse("12") + 1', '13'
says 'System::String.IsNullOrEmpty(nil)', 'true'
says 'System::String.Empty', '""'
says 'System::String.Format("{0}-{1:00}", "a", 5)', '"a-05"'
says 'System::Text::RegularExpressions::Regex.IsMatch("123", "^\\\\d+$")', 'true'
says 'System::Text::RegularExpressions::Regex.Match("0044123", "^00(\\\\d+)").Groups[1].Value', '"44123"'
says 'System::Text::RegularExpressions::Regex.Replace("0044", "^00(.*)", "+$1")', '"+44"'
says 'System::Text::RegularExpressions::Regex.match("a", "b").success', 'false'
says 'System::Text::StringBuilder.new.Append("a").Append(1).ToString()', '"a1"'
says 'System::Uri.EscapeDataString("a b")', '"a%20b"'
says 'System::Web::HttpUtility.UrlEncode("a b")', '"a+b"'
says 'System::Guid.NewGuid.to_s.length', '36'
says 'System::DateTime.Now.Year > 2000', 'true'
says 'System::DateTime.UtcNow.AddHours(1) > System::DateTime.UtcNow', 'true'
says 'System::DateTime.now.hour == Time.now.hour', 'true'
says 'System::DateTime.Parse("2010-02-03 04:05:06 UTC").ToString("dd/MM/yyyy HH:mm")', '"03/02/2010 04:05"'
says 'System::DateTime.Parse("2010-02-03").DayOfWeek.to_s', '"Wednesday"'
says 'System::DateTime.Parse("2010-02-03").DayOfWeek == System::DayOfWeek::Wednesday', 'true'
says '(System::DateTime.new(2010, 2, 3, 10, 30, 0).TimeOfDay > System::TimeSpan.new(9, 0, 0))', 'true'
says 'Time.at(90).Subtract(Time.at(0)).TotalMinutes', '1.5'
says 'System::Math.Max(1, 2)', '2'
fetches 'System::Net::WebClient.new.DownloadString("http://example.com/")', 'http://example.com/'
says 'd = System::Collections::Generic::Dictionary[String, String].new; d["a"] = "b"; d.ContainsKey("a")', 'true'
says 'System::Random.new.Next(1, 2)', '1'
