# SPDX-License-Identifier: BSD-3-Clause
# sys: what a script can do. One method a function; what is done is done by core (commands.h).

module Tandem
  Account = Record.of(:SIPUsername, :SIPDomain, :Owner)
  Binding = Record.of(:ContactURI, :MangledContactURI, :UserAgent, :Expiry, :ExpiryTime,
                      :SIPAccountName, :Owner, :RemoteSIPSocket)
  Response = Record.of(:StatusCode, :Status, :ReasonPhrase, :Header, :Body)
  Transaction = Record.of(:TransactionFinalResponse, :TransactionRequest, :TransactionRequestURI,
                          :TransactionState, :FailureClass)

  MediaPath = Record.of(:State, :Reason)

  class Sys
    attr_accessor :Trace
    attr_reader :Username, :DialPlanName, :FromSIPAccount, :FromProvider, :LastDialled, :LastFailureReason,
                :LastFailureStatus, :LastFailureClass, :RedirectURI, :RedirectResponse

    FIXED_HEADERS = %w[via from contact cseq call-id max-forwards content-length
                       v f m i l].freeze

    def initialize(input)
      @direction = input['direction']
      @Username = input['username']
      @DialPlanName = input['dialplan']
      account = input['account']
      @FromSIPAccount = account && Account.new({ SIPUsername: account['username'],
                                                 SIPDomain: account['domain'], Owner: @Username })
      @FromProvider = input['provider']
      @Trace = true
      @LastDialled = []
      @LastFailureStatus = Status.of(0)
      @LastFailureClass = ''
      @RedirectURI = input['redirect_uri'] && SIPURI.ParseSIPURIRelaxed(input['redirect_uri'])
      @headers = []
      @from = {}
    end

    # Direction: exactly one is true.
    def Out = @direction == 'out' && !self.Redirect
    def In = @direction == 'in' && !self.Redirect
    def Redirect = @direction == 'redirect'

    def Username = @Username.dup
    def WhoAmI = 'tandem-dialplan'
    def LastFailureMessage = @LastFailureReason

    def LastFailureReason=(text)
      @LastFailureReason = Tandem.text(text)
      tell_failure
    end

    def LastFailureStatus=(status)
      @LastFailureStatus = Status.of(status)
      tell_failure
    end

    def Log(text = '')
      TandemSandbox.log(text.to_s)
    end

    # Dial(string [, ring seconds [, seconds of the answered call [, crm]]])
    def Dial(data, ring = 0, limit = 0, _crm = nil)
      result = command('dial', string: data.to_s, ring: ring.to_i, limit: limit.to_i,
                               from: @from.empty? ? nil : @from, headers: @headers,
                               content: @content)
      dialled(result || {})
    end

    # Respond(code, reason [, headers]): headers apart by "|"; of a 3xx the first is the new URI.
    def Respond(status, reason = nil, headers = nil)
      status = Status.of(status).to_i
      list = headers.is_a?(Array) ? headers.map(&:to_s) : headers.to_s.split('|')
      list = list.map(&:strip).reject(&:empty?)
      uri = (300..399).cover?(status) ? list.shift : nil
      command('respond', status: status, reason: Tandem.text(reason), headers: list,
                         redirect_uri: uri)
      nil
    end

    def ExtendScriptTimeout(seconds)
      command('extend', seconds: seconds.to_i)
      nil
    end

    # Whether media would find its way from the caller to a destination (a dial string), as far as can
    # be told beforehand: State is "direct", "likely", "doubtful" or "none", Reason says why.
    def MediaPath(destination)
      result = command('media_path', destination: destination.to_s) || {}
      MediaPath.new({ State: result['path'] || '', Reason: result['reason'] || '' })
    end

    # Accounts and domains. Without a user: the customer's name, without a domain: local.

    def IsAvailable(user = nil, domain = nil) = ask_account('is_available', user || @Username, domain) == true
    def IsMine(user, domain = nil) = ask_account('is_mine', user, domain) == true
    def DoesSIPAccountExist(user, domain = nil) = ask_account('account_exists', user, domain) == true
    def GetCanonicalDomain(host) = command('canonical_domain', domain: host.to_s)
    # The SIP URI of a telephone number, "+43123" or "43123.e164.org"; nil: it has none.
    def ENUMLookup(number) = command('enum_lookup', number: number.to_s)
    def GetCurrentCallCount = command('call_count', {}).to_i

    # nil for accounts of others and unknown ones
    def GetBindings(user = nil, domain = nil)
      list = command('get_bindings', user: Tandem.text(user), domain: Tandem.text(domain))
      list&.map do |b|
        Binding.new({ ContactURI: b['contact'], MangledContactURI: b['mangled'] || b['contact'],
                      UserAgent: b['user_agent'], Expiry: b['expiry'],
                      ExpiryTime: b['expires_at'], SIPAccountName: b['account'],
                      RemoteSIPSocket: b['remote'], Owner: @Username })
      end
    end

    # What later Dials send. nil keeps a part of the From header.

    def SetFromHeader(name, user = nil, host = nil)
      { name: name, user: user, host: host }.each do |part, value|
        @from[part] = value.to_s unless value.nil? || value.to_s.empty?
      end
      nil
    end

    def ClearFromHeader
      @from = {}
      nil
    end

    def SetCustomSIPHeader(name, value = nil)
      name, value = name.to_s.split(':', 2).map(&:strip) if value.nil?
      name = name.to_s.strip
      if FIXED_HEADERS.include?(name.downcase)
        Log("The #{name} header cannot be set by a dialplan.")
      elsif name !~ /\A[\w.!%*+`'~-]+\z/ || value.to_s =~ /[\r\n]/
        Log("\"#{name}: #{value}\" cannot be a header.")
      else
        @headers.push("#{name}: #{value}")
      end
      nil
    end

    # By name, or by the whole line
    def RemoveCustomSIPHeader(name)
      @headers.reject! { |line| line == name.to_s || line.split(':').first.casecmp?(name.to_s) }
      nil
    end

    def ClearCustomSIPHeaders
      @headers = []
      nil
    end

    def PrintCustomSIPHeaders
      Log("Custom headers: #{@headers.empty? ? 'none' : @headers.join(' | ')}")
    end

    # SetCustomContent([type,] body)
    def SetCustomContent(type, body = nil)
      type, body = nil, type if body.nil?
      @content = { type: Tandem.text(type), body: body.to_s }
      nil
    end

    def ClearCustomBody
      @content = nil
    end

    # The customer's own key-value pairs.

    def DBWrite(key, value)
      command('db_write', key: key.to_s, value: value.to_s)
      nil
    end

    def DBRead(key) = command('db_read', key: key.to_s)

    def DBDelete(key)
      command('db_delete', key: key.to_s)
      nil
    end

    def DBGetKeys = command('db_keys', {})

    def to_s = 'sys'
    alias ToString to_s
    alias inspect to_s
    Names.spread(self)

    private

    def command(name, args) = TandemSandbox.command(name, args)

    def ask_account(name, user, domain)
      command(name, user: user.to_s, domain: (domain || 'local').to_s)
    end

    def tell_failure
      command('last_failure', status: @LastFailureStatus.to_i, reason: @LastFailureReason)
    end

    def dialled(result)
      @LastDialled = (result['dialled'] || []).map { |leg| transaction(leg) }
      if result['status']
        @LastFailureStatus = Status.of(result['status'])
        @LastFailureReason = result['reason']
      end
      @LastFailureClass = result['class'].to_s
      if result['redirect_uri']
        @RedirectURI = SIPURI.ParseSIPURIRelaxed(result['redirect_uri'])
        @RedirectResponse = @LastDialled.map(&:TransactionFinalResponse).compact
                                        .find { |r| (300..399).cover?(r.StatusCode) }
      end
      DialResult.named(result['result'])
    end

    def transaction(leg)
      status = leg['status'].to_i
      final = status >= 200 &&
              Response.new({ StatusCode: status, Status: Status.of(status),
                             ReasonPhrase: leg['reason'], Header: Header.new(leg['headers'] || []),
                             Body: leg['body'] })
      Transaction.new({ TransactionFinalResponse: final || nil,
                        TransactionRequestURI: SIPURI.ParseSIPURIRelaxed(leg['uri']),
                        TransactionState: leg['state'], FailureClass: leg['class'].to_s })
    end
  end
end

module Kernel
  private

  def sys = TandemSandbox.sys
  def req = TandemSandbox.req
end
