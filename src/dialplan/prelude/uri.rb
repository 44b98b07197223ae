# SPDX-License-Identifier: BSD-3-Clause
# SIP URIs, their parameters, and name-addr fields, as scripts see them (facts 3.15).

module Tandem
  class Parameters
    def initialize(text = nil, separator = ';')
      @separator = separator
      @pairs = (text || '').split(separator).reject(&:empty?).map { |pair| pair.split('=', 2) }
    end

    def Count = @pairs.length
    def Get(name) = find(name)&.at(1)&.dup
    def Has(name) = !find(name).nil?
    def GetKeys = @pairs.map { |name, _| name.dup }
    def RemoveAll = @pairs.clear

    def Set(name, value)
      pair = find(name)
      pair ? pair[1] = Tandem.text(value) : @pairs.push([name.to_s, Tandem.text(value)])
      value
    end

    def Remove(name)
      @pairs.reject! { |key, _| key.casecmp?(name.to_s) }
      nil
    end

    def to_s = @pairs.map { |name, value| @separator + (value ? "#{name}=#{value}" : name) }.join
    alias ToString to_s
    alias inspect to_s
    alias [] Get
    alias []= Set
    Names.spread(self)

    private

    def find(name) = @pairs.find { |key, _| key.casecmp?(name.to_s) }
  end

  class SIPURI
    attr_accessor :Scheme, :User, :Host, :Parameters, :Headers

    SHAPE = /\A\s*(?:(sips?|tel):)?(?:([^@]*)@)?([^;?>]*)((?:;[^?]*)?)(?:\?(.*))?\z/mi

    # nil when the text is no URI; a missing scheme is sip.
    def self.ParseSIPURIRelaxed(text)
      shape = SHAPE.match(text.to_s.strip)
      return nil if shape.nil? || (shape[3].empty? && shape[2].nil?)

      new(shape[1]&.downcase || 'sip', shape[2], shape[3], shape[4], shape[5])
    end

    def self.ParseSIPURI(text)
      uri = text.to_s =~ /\A\s*(?:sips?|tel):/i ? ParseSIPURIRelaxed(text) : nil
      uri or raise ArgumentError, "#{text} is not a SIP URI"
    end

    def self.TryParse(text) = !ParseSIPURIRelaxed(text).nil?

    class << self
      alias parse_sip_uri ParseSIPURI
      alias parse_sip_uri_relaxed ParseSIPURIRelaxed
      alias try_parse TryParse
    end

    def initialize(scheme, user, host, parameters = nil, headers = nil)
      @Scheme = scheme
      @User = user
      @Host = host
      @Parameters = Parameters.new(parameters)
      @Headers = Parameters.new(headers, '&')
    end

    def User = @User&.dup
    def Host = @Host.dup
    def Protocol = @Scheme == 'sips' ? 'tls' : (@Parameters.Get('transport') || 'udp')
    def UnescapedUser = @User && URI.decode_www_form_component(@User.gsub('+', '%2B'))
    def CanonicalAddress = "#{@Scheme}:#{aor_of(@Host =~ /:\d+\z/ ? @Host : "#{@Host}:5060")}"
    def ToAOR = aor_of(@Host)
    def ToParameterlessString = "#{@Scheme}:#{aor_of(@Host)}"
    def ToSIPEndPoint = EndPoint.parse("#{self.Protocol}:#{@Host}")
    def CopyOf = SIPURI.ParseSIPURIRelaxed(to_s)

    def to_s
      headers = @Headers.to_s
      ToParameterlessString() + @Parameters.to_s + (headers.empty? ? '' : "?#{headers[1..]}")
    end
    alias ToString to_s
    alias inspect to_s
    alias to_str to_s

    def ==(other) = to_s == other.to_s
    def =~(pattern) = to_s =~ pattern

    private def aor_of(host) = @User ? "#{@User}@#{host}" : host

    Names.spread(self)
  end

  # "Name" <uri>;parameters
  class UserField
    attr_accessor :Name, :URI, :Parameters

    SHAPE = /\A\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<([^>]*)>(.*)\z/m

    def self.parse(text)
      shape = SHAPE.match(text.to_s)
      return new(shape[1]&.gsub(/\\(.)/, '\1') || shape[2], shape[3], shape[4]) if shape

      uri, parameters = text.to_s.strip.split(';', 2)
      new(nil, uri || '', parameters)
    end

    def initialize(name, uri, parameters)
      @Name = name.nil? || name.strip.empty? ? nil : name.strip
      @URI = SIPURI.ParseSIPURIRelaxed(uri) || SIPURI.new('sip', nil, uri.to_s)
      @Parameters = Parameters.new(parameters&.strip)
    end

    def Name = @Name&.dup
    def ToParameterlessString = @Name ? %("#{@Name}" <#{@URI}>) : "<#{@URI}>"
    def to_s = ToParameterlessString() + @Parameters.to_s
    alias ToString to_s
    alias inspect to_s
    alias to_str to_s
    Names.spread(self)
  end

  class EndPoint
    attr_accessor :Protocol, :Address, :Port

    # "udp:1.2.3.4:5060", "tcp:[::1]:5060"; nil when it is neither.
    def self.parse(text)
      shape = /\A(?:(udp|tcp|tls|ws|wss):)?(\[[^\]]*\]|[^:]*)(?::(\d+))?\z/i.match(text.to_s)
      shape && new(shape[1] || 'udp', shape[2], (shape[3] || 5060).to_i)
    end

    def initialize(protocol, address, port)
      @Protocol = protocol
      @Address = address
      @Port = port
    end

    def to_s = "#{@Protocol}:#{@Address}:#{@Port}"
    alias ToString to_s
    alias inspect to_s
    Names.spread(self)
  end
end
