# SPDX-License-Identifier: BSD-3-Clause
# Long dialplans in the style of those that people published between 2009 and 2012.

TIMED_OUT = { result: 'TimedOut', status: 480, reason: 'No answer', dialled: [] }.freeze
REFUSED = { result: 'Failed', status: 503, reason: 'Service Unavailable',
            dialled: [{ uri: 'sip:x@p', status: 503, reason: 'Service Unavailable', headers: [], body: nil, state: 'Completed' }] }.freeze

OFFICE = %q{
require 'rubygems'
require 'net/http'
require 'mscorlib'
$KCODE = 'u'

# ---- what to change ----
Country   = '44'
Area      = '20'
Speed     = {
  '1', '16505551000@usa',   # sister
  '2', '442079460000@uk',
  '99', '500@local'
}
EnableENUM = false
Digits = "0123456789"

def log(text)
  sys.Log("[office] " + text.to_s)
end

def local?(num); num =~ /^[1-9]\d{6,7}$/ end

def to_e164(num)
  num = num.to_s.dup
  num.gsub!(/[^0-9+]/, '')
  if num[0] == ?+ : return num[1..-1] end
  case num
    when /^00(\d+)$/: $1
    when /^0([1-9]\d+)$/: Country + $1
    when /^[1-9]\d{6,7}$/ then Country + Area + num
    else num
  end
end

def try(num, prov, *args)
  log "Calling #{num} through #{prov}"
  status = sys.Dial("#{num}@#{prov}", *args)
  last = sys.LastDialled[0]
  if last != nil && last.TransactionFinalResponse
    log "Status: #{last.TransactionFinalResponse.StatusCode} #{last.TransactionFinalResponse.ReasonPhrase}"
  end
  status.to_s
end

begin
  sys.Log("** Call from #{req.Header.From} to #{req.URI.User} **")
  if sys.In
    if req.Header.From.FromURI.User.to_s =~ /^(anonymous|unknown)$/i: sys.Respond(603, 'No anonymous calls') end
    sys.Dial("#{sys.Username}@local", 25)
  else
    num = req.URI.User.to_s
    num.sub!(/^\*/, '') if num[0] == 42
    if Speed.has_key?(num)
      sys.Dial(Speed[num])
    else
      num = to_e164(num)
      unless num.length >= 3 && num.split('').all? { |c| Digits.include?(c) }: sys.Respond(484, 'Not a number') end
      [['uk', 20], ['usa', 30]].each do |prov, ring|
        result = try(num, prov, ring)
        case result
          when 'TimedOut': log 'nobody there'; break
          when 'Failed'
            log "failed: #{sys.LastFailureStatus} #{sys.LastFailureReason}"
        end
      end
    end
  end
rescue
  # Handler for errors
  sys.Log("Error: " + $!) unless $!.to_s =~ /Thread was being aborted./
ensure
  sys.Log('done')
end
}.freeze

HELLO = '** Call from "Alice" <sip:alice@example.org>;tag=a1 to %s **'

plan 'office: a national number over the first provider, answered', OFFICE, uri: 'sip:02079460123@x.org', answers: [:stop],
     commands: [['dial', { string: '442079460123@uk', ring: 20 }]],
     logs: [format(HELLO, '02079460123'), '[office] Calling 442079460123 through uk', 'done']
plan 'office: the second provider after a failure', OFFICE, uri: 'sip:+16505551000@x.org', answers: [REFUSED, :stop],
     commands: [['dial', { string: '16505551000@uk' }], ['dial', { string: '16505551000@usa', ring: 30 }]],
     logs: [/Call from/, /through uk/, '[office] Status: 503 Service Unavailable',
            '[office] failed: ServiceUnavailable Service Unavailable', /through usa/, 'done']
plan 'office: nobody there ends it', OFFICE, uri: 'sip:0016505551000@x.org', answers: [TIMED_OUT],
     commands: [['dial', { string: '16505551000@uk' }]], logs: [/Call/, /through uk/, '[office] nobody there', 'done']
plan 'office: a local number', OFFICE, uri: 'sip:79460000@x.org', answers: [:stop], commands: [['dial', { string: '442079460000@uk' }]]
plan 'office: speed dial', OFFICE, uri: 'sip:1@x.org', answers: [:stop], commands: [['dial', { string: '16505551000@usa' }]]
plan 'office: speed dial with a star', OFFICE, uri: 'sip:*99@x.org', answers: [:stop], commands: [['dial', { string: '500@local' }]]
plan 'office: no number', OFFICE, uri: 'sip:ab@x.org', answers: [:stop], commands: [['respond', { status: 484, reason: 'Not a number' }]],
     logs: [/Call/, 'done']
plan 'office: incoming', OFFICE, direction: 'in', answers: [:stop], commands: [['dial', { string: 'carol@local', ring: 25 }]]
plan 'office: incoming and anonymous', OFFICE, direction: 'in', from: '<sip:anonymous@anonymous.invalid>;tag=1', answers: [:stop],
     commands: [['respond', { status: 603, reason: 'No anonymous calls' }]]
plan 'check: the office has nothing but old forms', OFFICE, finds: [/ note /] * 9, providers: []

NIGHT = %q{
#Ruby
@night = false
Me, Mobile = 'carol', '447700900123'
Blocked = %w(18005550000 anonymous)
Friends = Hash.new { |h, k| h[k] = 'Somebody' }
Friends.update('alice', 'Alice L.', ) if false
Friends['alice'] = 'Alice L.'

class Caller
  attr_reader :num
  def initialize(r)
    @num = r.Header.from.FromURI.User.to_s
    @name = r.Header.From.FromName
  end
  def name; (@name.nil? || @name.empty?) ? Friends[@num] : @name; end
  def to_s() "#{name} (#{@num})" end
end

def hours(t = Time.now)
  t = t + 60*60 * 0
  case t.hour
  when 0..7, 22..23: :night
  else :day
  end
end

begin
  who = Caller.new req
  print "call from ", who, "\n"
  if Blocked.include? who.num : sys.Respond 603, 'Go away' end
  sys.SetFromHeader who.name, nil, 'sip.example.com'
  ext = req.URI.User.Substring(0, 3)
  if ext.StartsWith("3") && !String.IsNullOrEmpty(ext) then
    r = sys.Dial "#{Me}@local|#{Mobile}@trunk[fu=#{who.num}]", 15
    unless %w{Answered ClientCancelled}.include? r.ToString()
      sys.Respond(sys.LastFailureStatus, sys.LastFailureReason)
    end
  elsif ext == '*97'
    sys.Dial "voicemail@vm"
  end
  puts "not reached for 3xx"
rescue => e
  sys.Log "** Error: #{e.message}" if e.to_s !~ /Thread was being aborted/
end
}.freeze

plan 'night: rings, then refuses with the last failure', NIGHT, answers: [TIMED_OUT, :stop],
     commands: [['dial', { string: 'carol@local|447700900123@trunk[fu=alice]', ring: 15, from: { name: 'Alice', host: 'sip.example.com' } }],
                ['respond', { status: 480, reason: 'No answer' }]], logs: ['call from Alice (alice)']
plan 'night: blocked', NIGHT, from: '<sip:18005550000@x>;tag=1', answers: [:stop], commands: [['respond', { status: 603 }]],
     logs: ['call from Somebody (18005550000)']
plan 'night: voice mail', NIGHT, uri: 'sip:*97@x', answers: [:stop], commands: [['dial', { string: 'voicemail@vm' }]]
plan 'night: another number', NIGHT, uri: 'sip:500@x', commands: [], logs: [/call from/, 'not reached for 3xx']
