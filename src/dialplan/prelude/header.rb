# SPDX-License-Identifier: BSD-3-Clause
# req.Header: what scripts read, and may change in their own copy (calls do not follow).

module Tandem
  # From, To and Contact are a user field under three names.
  def self.user_header(prefix, extra = [])
    Class.new do
      define_singleton_method(:parse) { |text| new(UserField.parse(text)) }
      define_method(:initialize) { |field| @field = field }
      define_method(:"#{prefix}UserField") { @field }
      define_method(:"#{prefix}Name") { @field.Name }
      define_method(:"#{prefix}Name=") { |name| @field.Name = Tandem.text(name) }
      define_method(:"#{prefix}URI") { @field.URI }
      define_method(:"#{prefix}URI=") do |uri|
        @field.URI = uri.is_a?(SIPURI) ? uri : SIPURI.ParseSIPURI(uri)
      end
      define_method(:"#{prefix}Parameters") { @field.Parameters }
      define_method(:"#{prefix}Tag") { @field.Parameters.Get('tag') }
      define_method(:"#{prefix}Tag=") { |tag| @field.Parameters.Set('tag', tag) }
      extra.each { |name| define_method(name) { @field.Parameters.Get(name.to_s) } }
      define_method(:to_s) { @field.to_s }
      alias_method :ToString, :to_s
      alias_method :inspect, :to_s
      alias_method :to_str, :to_s
      define_method(:=~) { |pattern| to_s =~ pattern }
      Names.spread(self)
    end
  end

  FromHeader = user_header('From')
  ToHeader = user_header('To')
  ContactHeader = user_header('Contact', %i[Expires Q])

  class Via
    attr_reader :Transport, :Host, :Port, :Parameters

    def initialize(text)
      shape = %r{\A\s*SIP\s*/\s*2\.0\s*/\s*(\S+)\s+(\[[^\]]*\]|[^:;\s]*)(?:\s*:\s*(\d+))?\s*(;.*)?\z}mi.match(text)
      @text = text
      @Transport = shape ? shape[1] : ''
      @Host = shape ? shape[2] : ''
      @Port = shape && shape[3] ? shape[3].to_i : 0
      @Parameters = Parameters.new(shape && shape[4])
    end

    def Branch = @Parameters.Get('branch')
    def ReceivedFromIPAddress = @Parameters.Get('received')
    def ReceivedFromPort = (@Parameters.Get('rport') || 0).to_i
    def ContactAddress = @Port.zero? ? @Host : "#{@Host}:#{@Port}"
    def to_s = @text.dup
    alias ToString to_s
    alias inspect to_s
    Names.spread(self)
  end

  class Vias < Array
    def TopViaHeader = first
    def BottomViaHeader = last
    def ToString = map { |via| "Via: #{via}" }.join("\r\n")
    Names.spread(self)
  end

  class Header
    TEXTS = {
      Accept: 'Accept', AcceptEncoding: 'Accept-Encoding', AcceptLanguage: 'Accept-Language',
      AlertInfo: 'Alert-Info', Allow: 'Allow', AllowEvents: 'Allow-Events',
      AuthenticationInfo: 'Authentication-Info', CallId: 'Call-ID', CallInfo: 'Call-Info',
      ContentDisposition: 'Content-Disposition', ContentEncoding: 'Content-Encoding',
      ContentLanguage: 'Content-Language', ContentType: 'Content-Type', Date: 'Date',
      ErrorInfo: 'Error-Info', ETag: 'SIP-ETag', Event: 'Event', InReplyTo: 'In-Reply-To',
      MIMEVersion: 'MIME-Version', Organization: 'Organization', Priority: 'Priority',
      ProxyRequire: 'Proxy-Require', Reason: 'Reason', ReferredBy: 'Referred-By',
      ReferSub: 'Refer-Sub', ReferTo: 'Refer-To', ReplyTo: 'Reply-To', Require: 'Require',
      RetryAfter: 'Retry-After', Server: 'Server', Subject: 'Subject',
      SubscriptionState: 'Subscription-State', Supported: 'Supported', Timestamp: 'Timestamp',
      Unsupported: 'Unsupported', UserAgent: 'User-Agent', Warning: 'Warning',
      ProxyReceivedOn: 'Proxy-ReceivedOn', ProxyReceivedFrom: 'Proxy-ReceivedFrom',
      ProxySendFrom: 'Proxy-SendFrom', SwitchboardOriginalCallID: 'Switchboard-OriginalCallID',
      SwitchboardTerminate: 'Switchboard-Terminate', SwitchboardLineName: 'Switchboard-LineName',
      SwitchboardOwner: 'Switchboard-Owner', CRMPersonName: 'CRM-PersonName',
      CRMCompanyName: 'CRM-CompanyName', CRMPictureURL: 'CRM-PictureURL',
      AuthenticationHeader: 'Authorization'
    }.freeze
    NUMBERS = {
      ContentLength: ['Content-Length', 0], Expires: ['Expires', -1],
      MinExpires: ['Min-Expires', -1], MaxForwards: ['Max-Forwards', -1], CSeq: ['CSeq', -1]
    }.freeze
    OTHERS = %w[From To Contact Via Route Record-Route Authorization Proxy-Authorization].freeze
    SHORT = {
      'i' => 'Call-ID', 'm' => 'Contact', 'e' => 'Content-Encoding', 'l' => 'Content-Length',
      'c' => 'Content-Type', 'f' => 'From', 's' => 'Subject', 'k' => 'Supported', 't' => 'To',
      'v' => 'Via', 'o' => 'Event', 'r' => 'Refer-To', 'b' => 'Referred-By', 'u' => 'Allow-Events',
      'x' => 'Session-Expires'
    }.freeze
    KNOWN = (TEXTS.values + NUMBERS.values.map(&:first) + OTHERS).map(&:downcase).to_set.freeze

    TEXTS.each do |name, field|
      define_method(name) { first(field)&.dup }
      define_method(:"#{name}=") { |value| put(field, value) }
    end

    NUMBERS.each do |name, (field, missing)|
      define_method(name) { (first(field) || missing).to_i }
      define_method(:"#{name}=") { |value| put(field, value) }
    end

    # fields: [[name, value] …] in the order of the message
    def initialize(fields)
      @fields = fields.map { |name, value| [SHORT[name.downcase] || name, value] }
    end

    def CSeqMethod = first('CSeq').to_s.split.last
    def From = @from ||= FromHeader.parse(first('From') || '')
    def To = @to ||= ToHeader.parse(first('To') || '')
    def Contact = @contact ||= items('Contact').map { |text| ContactHeader.parse(text) }
    def Vias = @vias ||= Tandem::Vias.new(items('Via').map { |text| Via.new(text) })
    def Routes = items('Route').map { |text| UserField.parse(text) }
    def RecordRoutes = items('Record-Route').map { |text| UserField.parse(text) }

    def From=(value)
      @from = value.is_a?(FromHeader) ? value : FromHeader.parse(value)
    end

    def To=(value)
      @to = value.is_a?(ToHeader) ? value : ToHeader.parse(value)
    end

    def UnknownHeaders
      @unknown ||= @fields.reject { |name, _| KNOWN.include?(name.downcase) }
                          .map { |name, value| "#{name}: #{value}" }
    end

    def GetUnknownHeaderValue(name)
      line = self.UnknownHeaders.find { |l| l.split(':', 2).first.strip.casecmp?(name.to_s) }
      line && line.split(':', 2).last.strip
    end

    def Copy = Header.new(@fields.map(&:dup))

    def to_s
      @fields.map { |name, value| "#{name}: #{current(name) || value}\r\n" }.join
    end
    alias ToString to_s
    alias inspect to_s
    Names.spread(self)

    private

    def current(name)
      case name.downcase
      when 'from' then @from&.to_s
      when 'to' then @to&.to_s
      end
    end

    def first(name) = @fields.find { |field, _| field.casecmp?(name) }&.at(1)

    def put(name, value)
      field = @fields.find { |known, _| known.casecmp?(name) }
      field ? field[1] = value.to_s : @fields.push([name, value.to_s])
      value
    end

    # Values of all fields of that name, comma lists taken apart (not within quotes or brackets).
    def items(name)
      @fields.select { |field, _| field.casecmp?(name) }
             .flat_map { |_, value| value.scan(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+/m) }
             .map(&:strip)
    end
  end
end
